/**
 * The LM head: log-probabilities, divergences and gradients of the output projection, computed slice by slice over the
 * vocabulary.
 * @see ../decoder/head-graphs.ts for the computation of a slice
 * @module
 */
import type { DecoderConfig } from '../decoder/config.ts';
import { blockAligned, blockShape } from '../graph/row-sum.ts';
import { floatData, type Runtime, type Tensor } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';

/** Maximum number of logits in one slice: 32 MiB. */
const SLICE_ELEMENTS = 2 ** 23;

/** Maximum number of logits kept between the two passes of training: 256 MiB. Other logits are recomputed. */
const KEPT_ELEMENTS = 2 ** 26;

/**
 * One of two models, the current model or the reference: its hidden states after the final norm [M, D], and
 * its weights.
 */
export interface HeadSide {
  readonly h: Tensor;
  readonly weights: Readonly<Record<string, Tensor>>;
}

/** Results of the first pass, per row [M]. */
export interface HeadStatistics {
  readonly logZ: Float64Array;
  /** Log-probability of the target, nats. */
  readonly logp: Float32Array;
  /**
   * Logarithm of the softmax normalizer (logZ) of the reference, and KL(new || reference), nats. Absent
   * without a reference.
   */
  readonly reference?: { readonly logZ: Float64Array; readonly kl: Float64Array };
  /** Logits of the first slices. The second pass uses and removes them one by one. */
  readonly kept: KeptLogits[];
}

/** Logits [M, N] of a slice: `z` of the current model, `z_ref` of the reference. */
type KeptLogits = Readonly<Record<'z' | 'z_ref', Tensor | undefined>>;

export interface HeadLimits {
  /** Maximum number of logits in one slice. */
  readonly sliceElements: number;
  /** Maximum number of logits kept between the passes of training. */
  readonly keptElements: number;
}

/** Loss whose gradient the second pass computes, and the buffer for the gradient of the output matrix. */
export interface HeadGradient {
  /** d loss / d logp [M]. */
  readonly cotangents: Float32Array;
  /** Factor of the summed KL(new || reference) in the loss. Absent: the loss has no KL term. */
  readonly klWeight?: number | undefined;
  /**
   * Returns the accumulated gradient of some rows of the output matrix, which the pass updates in place.
   * Absent if the output matrix is frozen.
   */
  readonly tableRows?: ((firstRow: number, rows: number) => Tensor) | undefined;
}

interface Slice {
  readonly first: number;
  readonly size: number;
}

export class LmHead {
  readonly #sessions: Sessions;
  readonly #config: DecoderConfig;
  readonly #runtime: Runtime;
  readonly #limits: HeadLimits;

  constructor(sessions: Sessions, limits: Partial<HeadLimits> = {}) {
    this.#limits = { sliceElements: SLICE_ELEMENTS, keptElements: KEPT_ELEMENTS, ...limits };
    this.#sessions = sessions;
    this.#config = sessions.config;
    this.#runtime = sessions.runtime;
  }

  /**
   * Runs the first pass over the vocabulary, which computes logZ and logp, and KL if there is a reference.
   *
   * @param targets - target token of each row [M]
   * @param options.keep - whether to keep logits for {@link gradient}, up to the limit
   */
  async statistics(
    targets: BigInt64Array,
    sides: { readonly side: HeadSide; readonly reference?: HeadSide | undefined },
    { temperature, keep = false }: { readonly temperature: number; readonly keep?: boolean },
  ): Promise<HeadStatistics> {
    const rows = targets.length;
    const reference = sides.reference !== undefined;
    let room = keep ? this.#limits.keptElements : 0;
    const kept: KeptLogits[] = [];
    const [own, ref] = [new RunningSum(rows), new RunningSum(rows)];
    const picked = new Float64Array(rows);
    for (const slice of this.#slices(rows)) {
      room -= rows * slice.size * (reference ? 2 : 1);
      const session = await this.#sessions.headStatistics({ reference, logits: room >= 0 });
      const outputs = await session.run({
        ...this.#feeds(slice, sides, temperature),
        ...this.#targets(slice, targets),
      });
      if (room >= 0) kept.push({ z: outputs.z, z_ref: outputs.z_ref });
      own.add(outputs.max, outputs.sum, outputs.cross);
      if (sides.reference) ref.add(outputs.max_ref, outputs.sum_ref);
      const z = floatData(outputs.picked);
      targets.forEach((target, m) => {
        if (isIn(slice, target)) picked[m] = z[m] as number;
      });
    }
    const logZ = own.logZ();
    const logp = Float32Array.from(picked, (z, m) => z - (logZ[m] as number));
    if (!sides.reference) return { logZ, logp, kept };
    const logZRef = ref.logZ();
    // KL is the mean of z - z_ref under the new distribution, minus the difference of the log normalizers
    const kl = own.meanCross().map((mean, m) => mean - ((logZ[m] as number) - (logZRef[m] as number)));
    return { logZ, logp, reference: { logZ: logZRef, kl }, kept };
  }

  /**
   * Runs the second pass of training, which computes the gradients. Kept logits are freed when they are used,
   * because the backward pass through the layers needs the memory.
   *
   * @returns dh = d loss / d h [M, D], and the exact KL of every row (0 without a reference) [M]
   */
  async gradient(
    targets: BigInt64Array,
    at: {
      readonly side: HeadSide;
      readonly reference?: HeadSide | undefined;
      readonly statistics: HeadStatistics;
      readonly temperature: number;
    },
    loss: HeadGradient,
  ): Promise<{ readonly dh: Float32Array; readonly kl: Float32Array }> {
    const rows = targets.length;
    const { statistics } = at;
    const options = { reference: at.reference !== undefined, table: loss.tableRows !== undefined };
    const dh = new Float32Array(rows * this.#config.hiddenSize);
    const kl = new Float64Array(rows);
    const columns = {
      log_z: this.#column(statistics.logZ),
      cotangents: this.#column(loss.cotangents),
      ...(statistics.reference
        ? {
            log_ratio: this.#column(
              statistics.logZ.map((z, m) => z - (statistics.reference?.logZ[m] as number)),
            ),
            kl: this.#column(statistics.reference.kl),
            kl_weight: this.#runtime.float32(Float32Array.of(loss.klWeight ?? 0), []),
          }
        : {}),
    };
    for (const slice of this.#slices(rows)) {
      const logits = statistics.kept.shift();
      const session = await this.#sessions.headGradient({ ...options, kept: logits !== undefined });
      const sum = loss.tableRows?.(slice.first, slice.size);
      const outputs = await session.run(
        {
          ...columns,
          ...this.#feeds(slice, at, at.temperature),
          ...this.#targets(slice, targets),
          ...(sum ? { sum } : {}),
          ...definedOnly(logits ?? {}),
        },
        { dh: null, ...(options.reference ? { kl_part: null } : {}), ...(sum ? { dw: sum } : {}) },
      );
      addTo(dh, floatData(outputs.dh));
      if (options.reference) addTo(kl, floatData(outputs.kl_part));
    }
    return { dh, kl: Float32Array.from(kl) };
  }

  /** Runs the second pass that computes divergences (E27), each [M]; KL in nats. */
  async divergence(
    sides: { readonly side: HeadSide; readonly reference: HeadSide },
    statistics: Required<HeadStatistics>,
    temperature: number,
  ): Promise<Readonly<Record<'kl_new_cur' | 'kl_cur_new' | 'tv', Float32Array>>> {
    const { logZ, reference } = statistics;
    const rows = logZ.length;
    const session = await this.#sessions.headDivergence();
    const columns = {
      log_z: this.#column(logZ),
      log_z_ref: this.#column(reference.logZ),
      log_ratio: this.#column(logZ.map((z, m) => z - (reference.logZ[m] as number))),
    };
    const sums = {
      kl_new_cur: new Float64Array(rows),
      kl_cur_new: new Float64Array(rows),
      tv: new Float64Array(rows),
    };
    for (const slice of this.#slices(rows)) {
      const outputs = await session.run({ ...columns, ...this.#feeds(slice, sides, temperature) });
      addTo(sums.kl_new_cur, floatData(outputs.kl_new_cur));
      addTo(sums.kl_cur_new, floatData(outputs.kl_cur_new));
      addTo(sums.tv, floatData(outputs.tv));
    }
    return {
      kl_new_cur: Float32Array.from(sums.kl_new_cur),
      kl_cur_new: Float32Array.from(sums.kl_cur_new),
      tv: Float32Array.from(sums.tv),
    };
  }

  /** Splits the vocabulary into slices of whole blocks, and the rest that does not fill a block. */
  *#slices(rows: number): Generator<Slice> {
    const { vocabSize } = this.#config;
    const limit = Math.max(1, Math.floor(this.#limits.sliceElements / rows));
    for (let first = 0; first < vocabSize; ) {
      const size = blockAligned(Math.min(limit, vocabSize - first));
      yield { first, size };
      first += size;
    }
  }

  #feeds(
    slice: Slice,
    { side, reference }: { readonly side: HeadSide; readonly reference?: HeadSide | undefined },
    temperature: number,
  ): Record<string, Tensor> {
    return {
      h: side.h,
      w: this.#rows(side, slice),
      ...(reference ? { h_ref: reference.h, w_ref: this.#rows(reference, slice) } : {}),
      inverse_temperature: this.#runtime.float32(Float32Array.of(1 / temperature), []),
      blocks: this.#runtime.int64(blockShape(slice.size), [3]),
    };
  }

  /** Returns a view of a slice's rows of the output matrix. */
  #rows({ weights }: HeadSide, { first, size }: Slice): Tensor {
    const { hiddenSize: D, tiedEmbeddings } = this.#config;
    const table = weights[tiedEmbeddings ? 'embed_tokens' : 'lm_head'] as Tensor;
    return this.#runtime.rows(table, { from: first, to: first + size, columns: D });
  }

  #targets(slice: Slice, targets: BigInt64Array): Record<string, Tensor> {
    const first = BigInt(slice.first);
    const dims = [targets.length, 1];
    return {
      local: this.#runtime.int64(
        targets.map((target) => (isIn(slice, target) ? target - first : 0n)),
        dims,
      ),
      hit: this.#runtime.float32(
        Float32Array.from(targets, (target) => (isIn(slice, target) ? 1 : 0)),
        dims,
      ),
    };
  }

  #column(values: ArrayLike<number>): Tensor {
    return this.#runtime.float32(Float32Array.from(values), [values.length, 1]);
  }
}

function definedOnly(tensors: Readonly<Record<string, Tensor | undefined>>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(tensors).filter((entry): entry is [string, Tensor] => entry[1] !== undefined),
  );
}

function isIn({ first, size }: Slice, target: bigint): boolean {
  return target >= first && target < first + size;
}

function addTo(sum: Float32Array | Float64Array, part: Float32Array): void {
  for (let i = 0; i < part.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
}

/** Online softmax statistics: sums of exp(z - max) over slices, rescaled when the maximum increases. */
class RunningSum {
  readonly #max: Float64Array;
  readonly #sum: Float64Array;
  readonly #cross: Float64Array;

  constructor(rows: number) {
    this.#max = new Float64Array(rows).fill(-Infinity);
    this.#sum = new Float64Array(rows);
    this.#cross = new Float64Array(rows);
  }

  add(max: Tensor | undefined, sum: Tensor | undefined, cross?: Tensor | undefined): void {
    const [maxima, sums] = [floatData(max), floatData(sum)];
    const crosses = cross && floatData(cross);
    maxima.forEach((value, m) => {
      const top = Math.max(this.#max[m] as number, value);
      const [old, fresh] = [Math.exp((this.#max[m] as number) - top), Math.exp(value - top)];
      this.#sum[m] = (this.#sum[m] as number) * old + (sums[m] as number) * fresh;
      this.#cross[m] = (this.#cross[m] as number) * old + (crosses?.[m] ?? 0) * fresh;
      this.#max[m] = top;
    });
  }

  logZ(): Float64Array {
    return this.#max.map((max, m) => max + Math.log(this.#sum[m] as number));
  }

  meanCross(): Float64Array {
    return this.#cross.map((cross, m) => cross / (this.#sum[m] as number));
  }
}
