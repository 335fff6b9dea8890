/**
 * Runs a decoder layer by layer over whole sequences, forward and backward. The activations that backward needs are
 * saved up to a memory budget; the other layers are recomputed from their inputs.
 * @see decoder/layer-graphs.ts
 * @module
 */
import type { SnapshotId } from '../../engine.ts';
import { type DecoderConfig, familyOf, layerKind } from '../decoder/config.ts';
import { type LayerGradient, layerGradients, SUM_PREFIX } from '../decoder/layer-graphs.ts';
import { layerParameter, projections } from '../decoder/parameters.ts';
import { GRADIENT_PREFIX } from '../decoder/training-graph.ts';
import { partName } from '../decoder/weight-inputs.ts';
import { floatData, type Runtime, type Tensor } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';
import type { ParameterStore } from '../weights/parameter-store.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import type { Batch } from './batch.ts';

/** Token ids padded to one length. */
export type PaddedTokens = Pick<Batch, 'rows' | 'length' | 'tokens' | 'tree'>;

/** Callback that receives the keys and values of each layer [B, kvHeads, T, d]. */
export type OnKeys = (layer: number, k: Float32Array, v: Float32Array) => void;

/** Activations of a forward pass that backward needs. */
export interface ForwardActivations {
  /** Input of each layer [B, T, D]. */
  readonly inputs: readonly Tensor[];
  /** Saved activations of each layer; undefined for layers that backward recomputes. */
  readonly saved: readonly (Readonly<Record<string, Tensor>> | undefined)[];
  /** Output of the last layer [B, T, D]. */
  readonly hidden: Tensor;
}

export class LayerRunner {
  readonly #sessions: Sessions;
  readonly #weights: WeightSource;
  readonly #activationBytes: number;

  /** @param activationBytes - maximum total size of saved activations, bytes */
  constructor(sessions: Sessions, weights: WeightSource, activationBytes: number) {
    this.#sessions = sessions;
    this.#weights = weights;
    this.#activationBytes = activationBytes;
  }

  /** Computes the residual stream after the last layer [B, T, D]. */
  async hidden(
    batch: PaddedTokens,
    options: { readonly snapshot?: SnapshotId | undefined; readonly onKeys?: OnKeys } = {},
  ): Promise<Tensor> {
    const { config } = this.#sessions;
    const tensors = this.#weights.tensors(options.snapshot);
    const feeds = this.#sessions.attentionFeeds(batch);
    let x = this.#embedded(batch, tensors);
    for (let l = 0; l < config.layers; l++) {
      const session = await this.#sessions.layer(layerKind(config, l));
      const fetched = options.onKeys ? ['x_next', 'k', 'v'] : ['x_next'];
      const outputs = await session.run({ ...feeds, ...layerFeeds(this.#sessions, tensors, l), x }, fetched);
      options.onKeys?.(l, floatData(outputs.k), floatData(outputs.v));
      x = outputs.x_next as Tensor;
    }
    return x;
  }

  /** Runs the forward pass of training, which saves activations. */
  async forward(batch: PaddedTokens): Promise<ForwardActivations> {
    const { config } = this.#sessions;
    const tensors = this.#weights.tensors();
    const feeds = this.#sessions.attentionFeeds(batch);
    const inputs: Tensor[] = [];
    const saved: (Readonly<Record<string, Tensor>> | undefined)[] = [];
    let x = this.#embedded(batch, tensors);
    let [bytes, cost] = [0, 0];
    for (let l = 0; l < config.layers; l++) {
      inputs.push(x);
      const { forward, saved: names } = await this.#sessions.layerTraining(layerKind(config, l));
      // the activations of later layers are assumed to be as large as those of the first layer
      const fits = this.#activationBytes > 0 && bytes + cost <= this.#activationBytes;
      const outputs = await forward.run(
        { ...feeds, ...layerFeeds(this.#sessions, tensors, l), x },
        fits ? undefined : ['x_next'],
      );
      const kept = Object.fromEntries(names.map((name) => [name, outputs[name] as Tensor]));
      saved.push(fits ? kept : undefined);
      if (fits) bytes += sizeBytes(kept);
      if (l === 0) cost = bytes;
      x = outputs.x_next as Tensor;
    }
    return { inputs, saved, hidden: x };
  }

  /**
   * Backward pass through all layers.
   *
   * @param dy - d loss / d hidden [B, T, D]
   * @param parameters - trainable parameters, to whose gradients the new gradients are added
   * @returns d loss / d embedded tokens [B, T, D]
   */
  async backward(
    batch: PaddedTokens,
    { activations, dy }: { readonly activations: ForwardActivations; readonly dy: Tensor },
    parameters: ParameterStore,
  ): Promise<Tensor> {
    const { config, variant } = this.#sessions;
    const tensors = this.#weights.tensors();
    const feeds = this.#sessions.attentionFeeds(batch);
    const trained = layerGradients(config, variant);
    const saved = [...activations.saved];
    let gradient = dy;
    for (let l = config.layers - 1; l >= 0; l--) {
      const training = await this.#sessions.layerTraining(layerKind(config, l));
      const session = saved[l] ? training.backward : await training.recomputing();
      const { sums, fetches } = gradientSums(parameters, trained, l);
      const outputs = await session.run(
        {
          ...feeds,
          ...layerFeeds(this.#sessions, tensors, l),
          ...saved[l],
          ...sums,
          x: activations.inputs[l] as Tensor,
          dy: gradient,
        },
        fetches,
      );
      saved[l] = undefined; // allows garbage collection of the layer's activations
      for (const { name, role, accumulated } of trained)
        if (!accumulated)
          parameters.addGradient(layerParameter(l, role), floatData(outputs[GRADIENT_PREFIX + name]));
      gradient = outputs.dx as Tensor;
    }
    return gradient;
  }

  /** Returns the embedded tokens [B, T, D]. */
  #embedded({ rows, length, tokens }: PaddedTokens, tensors: Readonly<Record<string, Tensor>>): Tensor {
    const { config, runtime } = this.#sessions;
    const x = new Float32Array(rows * length * config.hiddenSize);
    gatherRows(tensors.embed_tokens as Tensor, tokens, { into: x, scale: embeddingScale(config) });
    return runtime.float32(x, [rows, length, config.hiddenSize]);
  }
}

/**
 * Returns the buffers to which the gradients of layer `l` are added. The same tensors are inputs and outputs
 * of the graph.
 */
function gradientSums(
  parameters: ParameterStore,
  trained: readonly LayerGradient[],
  l: number,
): { readonly sums: Record<string, Tensor>; readonly fetches: Record<string, Tensor | null> } {
  const sums: Record<string, Tensor> = {};
  const fetches: Record<string, Tensor | null> = { dx: null };
  for (const { name, role, firstRow, shape, accumulated } of trained) {
    const sum = accumulated ? parameters.gradientRows(layerParameter(l, role), firstRow, shape) : null;
    if (sum) sums[SUM_PREFIX + name] = sum;
    fetches[GRADIENT_PREFIX + name] = sum;
  }
  return { sums, fetches };
}

function sizeBytes(tensors: Readonly<Record<string, Tensor>>): number {
  return Object.values(tensors).reduce((sum, { size }) => sum + size * Float32Array.BYTES_PER_ELEMENT, 0);
}

/** Returns the factor by which embeddings are multiplied. */
export function embeddingScale(config: DecoderConfig): number {
  return familyOf(config).scaledEmbeddings ? Math.fround(Math.sqrt(config.hiddenSize)) : 1;
}

/** Copies rows of a table [V, D] (float32, or bfloat16 as 16 bits) into a float32 array. */
export function gatherRows(
  table: Tensor,
  ids: BigInt64Array,
  { into, scale }: { readonly into: Float32Array; readonly scale: number },
): void {
  const width = table.dims[1] as number;
  const data = table.data as Float32Array | Uint16Array; // float32 or bfloat16
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  ids.forEach((id, row) => {
    const from = Number(id) * width;
    const to = row * width;
    if (data instanceof Uint16Array)
      for (let i = 0; i < width; i++) bits[to + i] = (data[from + i] as number) << 16;
    else into.set(data.subarray(from, from + width), to);
    if (scale !== 1) for (let i = to; i < to + width; i++) into[i] = (into[i] as number) * scale;
  });
}

/** Copies the rows of hidden [B, T, D] at flat indices [M] to an array [M, D]. */
export function gatherStates(hidden: Tensor, indices: BigInt64Array, width: number): Float32Array {
  const data = floatData(hidden);
  const rows = new Float32Array(indices.length * width);
  indices.forEach((index, m) => {
    const from = Number(index) * width;
    rows.set(data.subarray(from, from + width), m * width);
  });
  return rows;
}

const byLayer = new WeakMap<object, readonly Readonly<Record<string, Tensor>>[]>();

/** Returns the weight inputs of layer `l`'s graph, by role. */
function layerFeeds(
  { config, runtime }: Sessions,
  tensors: Readonly<Record<string, Tensor>>,
  l: number,
): Readonly<Record<string, Tensor>> {
  let layers = byLayer.get(tensors);
  if (!layers) {
    const made: Record<string, Tensor>[] = [];
    for (const [name, tensor] of Object.entries(tensors)) {
      const [, layer, role] = /^layers\.(\d+)\.(.+)$/.exec(name) ?? [];
      if (role === undefined) continue;
      const index = Number(layer);
      made[index] ??= {};
      made[index][role] = tensor;
      if (role === 'gate_up') Object.assign(made[index], gateAndUp(config, runtime, tensor));
    }
    layers = made;
    byLayer.set(tensors, layers);
  }
  return layers[l] as Readonly<Record<string, Tensor>>;
}

/** Returns views of the gate and up matrices, which are stacked in one tensor. */
function gateAndUp(config: DecoderConfig, runtime: Runtime, tensor: Tensor): Record<string, Tensor> {
  const { role, in: columns, parts } = projections(config).gate_up;
  let first = 0;
  return Object.fromEntries(
    parts.map(({ target, rows }) => {
      const from = first;
      first += rows;
      return [partName(role, target), runtime.rows(tensor, { from, to: first, columns })];
    }),
  );
}
