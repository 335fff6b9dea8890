/**
 * Computes log-probabilities, gradients and divergences of whole sequences layer by layer. It has the
 * interface of scorer.ts, and is used for large models and for models with a frozen base.
 * @module
 */
import { expOfNonPositive } from '../../../core/exp.ts';
import type {
  BackwardParams,
  BackwardResult,
  Divergence,
  ScoreParams,
  Sequence,
  SnapshotId,
} from '../../engine.ts';
import { attentionPairCost, sharedRowTokens } from '../execution.ts';
import { floatData, type Tensor } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';
import type { ParameterStore } from '../weights/parameter-store.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import { type Batch, packBatches } from './batch.ts';
import { KeptStates } from './kept-states.ts';
import { embeddingScale, gatherStates, LayerRunner } from './layer-runner.ts';
import { type HeadLimits, type HeadSide, type HeadStatistics, LmHead } from './lm-head.ts';
import { emptyRows, type SequenceScorer, scatterRows } from './scorer.ts';
import { checkSequence } from './sequence-check.ts';

export interface LayeredScorerParts {
  readonly sessions: Sessions;
  readonly weights: WeightSource;
  /** The trainable parameters. */
  readonly parameters: ParameterStore;
  /** Maximum number of tokens of a micro-batch, including padding. */
  readonly tokenBudget: number;
  /** Maximum size of the activations that are saved for backward, bytes. Other activations are recomputed. */
  readonly activationBytes: number;
  readonly headLimits?: Partial<HeadLimits>;
  /** See `PrefixRowOptions.pairCost`. Default: an estimate from the sizes of the model. */
  readonly pairCost?: number;
}

export class LayeredScorer implements SequenceScorer {
  readonly #parts: LayeredScorerParts;
  readonly #layers: LayerRunner;
  readonly #head: LmHead;
  readonly #kept = new KeptStates();

  constructor(parts: LayeredScorerParts) {
    this.#parts = parts;
    this.#layers = new LayerRunner(parts.sessions, parts.weights, parts.activationBytes);
    this.#head = new LmHead(parts.sessions, parts.headLimits);
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    const logp = emptyRows(sequences);
    const version = this.#parts.weights.version();
    const states = this.#kept.collect(sequences, this.#parts.sessions.config.hiddenSize);
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const own = await this.#states(batch);
      states?.push(own);
      const side = await this.#normed(own);
      const scored = await this.#head.statistics(batch.targets, { side }, params);
      scatterRows(batch, scored.logp, logp);
    }
    if (states) this.#kept.keep(version, sequences, states);
    return logp;
  }

  async backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    const logp = emptyRows(sequences);
    const kl = params.kl ? emptyRows(sequences) : undefined;
    for (const batch of this.#pack(sequences)) {
      params.signal?.throwIfAborted();
      const flat = new Float32Array(batch.indices.length);
      batch.sequenceIndices.forEach((index, row) => {
        flat.set(Float32Array.from(cotangents[index]), batch.offsets[row]);
      });
      const result = await this.#backwardBatch(batch, flat, params);
      scatterRows(batch, result.logp, logp);
      if (kl) scatterRows(batch, result.kl, kl);
    }
    return kl ? { logp, kl } : { logp };
  }

  async divergence(
    sequences: readonly Sequence[],
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    const result = {
      klNewOld: emptyRows(sequences),
      klOldNew: emptyRows(sequences),
      tv: emptyRows(sequences),
    };
    const version = this.#parts.weights.version(cur);
    const known = this.#kept.find(version, sequences);
    const states = known ? undefined : this.#kept.collect(sequences, this.#parts.sessions.config.hiddenSize);
    for (const [at, batch] of this.#pack(sequences).entries()) {
      params.signal?.throwIfAborted();
      const before = known?.[at] ?? (await this.#states(batch, cur));
      states?.push(before);
      const sides = { side: await this.#side(batch), reference: await this.#normed(before, cur) };
      const statistics = await this.#head.statistics(batch.targets, sides, params);
      const rows = await this.#head.divergence(
        sides,
        statistics as Required<HeadStatistics>, // computed with a reference
        params.temperature,
      );
      scatterRows(batch, rows.kl_new_cur, result.klNewOld);
      scatterRows(batch, rows.kl_cur_new, result.klOldNew);
      scatterRows(batch, rows.tv, result.tv);
    }
    if (states) this.#kept.keep(version, sequences, states);
    return result;
  }

  async distributions(
    sequences: readonly Sequence[],
    { snapshot, ...params }: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    const { sessions, weights } = this.#parts;
    const { vocabSize } = sessions.config;
    const session = await sessions.logits();
    for (const batch of this.#pack(sequences)) {
      const states = await this.#states(batch, snapshot);
      for (const [row, index] of batch.sequenceIndices.entries()) {
        params.signal?.throwIfAborted();
        const [from, to] = [batch.offsets[row], batch.offsets[row + 1]] as [number, number];
        const x = rowsOf(sessions, states, { from, to });
        const { logits } = await session.run({ ...weights.tensors(snapshot), x });
        const rows = floatData(logits);
        for (let t = 0; t < to - from; t++)
          normalize(rows.subarray(t * vocabSize, (t + 1) * vocabSize), params.temperature);
        visit(index, rows);
      }
    }
  }

  async #backwardBatch(
    batch: Batch,
    cotangents: Float32Array,
    params: BackwardParams,
  ): Promise<{ readonly logp: Float32Array; readonly kl: Float32Array }> {
    const { sessions, weights, parameters } = this.#parts;
    const { runtime, config } = sessions;
    const { hiddenSize: D } = config;
    const activations = await this.#layers.forward(batch);
    const states = gatherStates(activations.hidden, batch.indices, D);
    const side = await this.#normed(states);
    const reference = params.kl ? await this.#side(batch, params.kl.reference) : undefined;
    const { temperature } = params;
    const statistics = await this.#head.statistics(
      batch.targets,
      { side, reference },
      { temperature, keep: true },
    );
    const full = sessions.variant.adapter === undefined;
    const table = config.tiedEmbeddings ? 'embed_tokens' : 'lm_head';
    const { dh, kl } = await this.#head.gradient(
      batch.targets,
      { side, reference, statistics, temperature },
      {
        cotangents,
        klWeight: params.kl?.weight,
        tableRows: full ? (first, rows) => parameters.gradientRows(table, first, [rows, D]) : undefined,
      },
    );
    const norm = await sessions.finalNorm(true);
    const outputs = await norm.run({
      ...weights.tensors(),
      x: runtime.float32(states, [batch.indices.length, D]),
      dh: runtime.float32(dh, [batch.indices.length, D]),
    });
    if (full) parameters.addGradient('norm', floatData(outputs.dnorm));
    const dy = spread(floatData(outputs.dx), batch, D);
    const dx = await this.#layers.backward(
      batch,
      { activations, dy: runtime.float32(dy, [batch.rows, batch.length, D]) },
      parameters,
    );
    if (full) this.#addEmbeddingGradient(batch, floatData(dx));
    return { logp: statistics.logp, kl };
  }

  /**
   * Adds the gradient of the embedding table row by row, in token order: the result is deterministic, and no
   * one-hot matrix [V, tokens] is needed.
   */
  #addEmbeddingGradient({ tokens }: Batch, dx: Float32Array): void {
    const { sessions, parameters } = this.#parts;
    const { hiddenSize: D } = sessions.config;
    const scale = embeddingScale(sessions.config);
    if (scale !== 1) for (let i = 0; i < dx.length; i++) dx[i] = (dx[i] as number) * scale;
    tokens.forEach((token, position) => {
      const row = dx.subarray(position * D, (position + 1) * D);
      parameters.addGradient('embed_tokens', row, Number(token) * D);
    });
  }

  /**
   * Computes the hidden states after the final norm at the message positions, with the current weights or
   * those of a snapshot.
   */
  async #side(batch: Batch, snapshot?: SnapshotId): Promise<HeadSide> {
    return this.#normed(await this.#states(batch, snapshot), snapshot);
  }

  async #normed(states: Float32Array, snapshot?: SnapshotId): Promise<HeadSide> {
    const { sessions, weights } = this.#parts;
    const tensors = weights.tensors(snapshot);
    const { hiddenSize: D } = sessions.config;
    const session = await sessions.finalNorm(false);
    const x = sessions.runtime.float32(states, [states.length / D, D]);
    const { h } = await session.run({ ...tensors, x });
    return { h: h as Tensor, weights: tensors };
  }

  /** Computes the residual stream after the last layer at the message positions [M, D]. */
  async #states(batch: Batch, snapshot?: SnapshotId): Promise<Float32Array> {
    const hidden = await this.#layers.hidden(batch, { snapshot });
    return gatherStates(hidden, batch.indices, this.#parts.sessions.config.hiddenSize);
  }

  #pack(sequences: readonly Sequence[]): Batch[] {
    const { sessions, tokenBudget, activationBytes } = this.#parts;
    const { config } = sessions;
    const { pairCost = attentionPairCost(config) } = this.#parts;
    const share = { maxLength: sharedRowTokens(config, activationBytes), pairCost };
    for (const sequence of sequences) checkSequence(sequence, config);
    return packBatches(sequences, { tokenBudget, share });
  }
}

/** Scatters rows [M, D] to their positions in [B T D]; other positions are zero. */
function spread(rows: Float32Array, { indices, rows: B, length: T }: Batch, width: number): Float32Array {
  const all = new Float32Array(B * T * width);
  indices.forEach((index, m) => {
    all.set(rows.subarray(m * width, (m + 1) * width), Number(index) * width);
  });
  return all;
}

function rowsOf(
  { runtime, config }: Sessions,
  states: Float32Array,
  { from, to }: { readonly from: number; readonly to: number },
): Tensor {
  const { hiddenSize: D } = config;
  return runtime.float32(states.subarray(from * D, to * D), [to - from, D]);
}

/** Replaces z by log softmax(z / temperature), in place. */
function normalize(z: Float32Array, temperature: number): void {
  let max = -Infinity;
  for (let v = 0; v < z.length; v++) if ((z[v] as number) > max) max = z[v] as number;
  let total = 0;
  for (let v = 0; v < z.length; v++) total += expOfNonPositive(((z[v] as number) - max) / temperature);
  const logZ = Math.log(total);
  for (let v = 0; v < z.length; v++) z[v] = ((z[v] as number) - max) / temperature - logZ;
}
