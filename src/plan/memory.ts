/**
 * Computes the memory of a run from the sizes of its models: weights, gradients, moments, snapshots,
 * activations and KV cache.
 * @module
 */

export interface ModelSize {
  readonly parameters: number;
  /** Number of trained parameters: all of them, or those of an adapter. */
  readonly trainedParameters: number;
  /** Frozen base model of an adapter. Agents with the same base folder share its memory. */
  readonly frozen?: { readonly folder: string; readonly bytes: number };
  /**
   * Number of layers x width of the queries. Attention needs 2 x this number of operations per pair of
   * tokens.
   */
  readonly attention: number;
  /** Sizes that determine the memory of passes; absent for models that compute in another process. */
  readonly passes?: PassSize;
}

/** Memory of the passes of a model in this process. */
export interface PassSize {
  /** Size of the KV cache per token, bytes. */
  readonly cacheBytesPerToken: number;
  /** Maximum number of tokens of a micro-batch, including padding. */
  readonly microBatchTokens: number;
  /** Size of the activations of all layers that backward needs, per token, bytes. */
  readonly activationBytesPerToken: number;
  /** Size of the attention probabilities of all layers, per pair of tokens, bytes. */
  readonly pairBytes: number;
  /** See `PackingRule.pairCost`; absent: the engine does not share the prefixes of sequences. */
  readonly pairCost?: number;
  /** Maximum length of a row of several sequences in a pass, tokens. */
  readonly sharedRowTokens?: number;
  /** Maximum size of saved activations, bytes; further layers are recomputed. Infinity: no limit. */
  readonly activationBytes: number;
}

/** Largest batches of a run, or of a measurement. */
export interface BatchSize {
  /** Tokens of the largest batch of a backward pass, which is divided into micro-batches. */
  readonly tokens: number;
  /** Tokens per row of a micro-batch. */
  readonly length: number;
  /** Tokens in the KV cache of the messages that are decoded together, and in their prefilled contexts. */
  readonly cachedTokens: number;
}

/** Bytes per trained parameter: float32 weight, gradient and two Adam moments. */
const TRAINED = 16;
/** Bytes per parameter of a snapshot: float32 weight and two Adam moments. */
const SNAPSHOT = 12;
/** Bytes per parameter of the untrained team in the evaluation at the end of the run: float32 weight. */
const UNTRAINED = 4;

/**
 * Memory of models in training, bytes: trained weights with gradients and moments, and every frozen base
 * model once.
 */
export function modelBytes(models: readonly ModelSize[]): number {
  return TRAINED * trainedOf(models) + frozenBytes(models);
}

/**
 * Memory of the models of a calibration, bytes: the weights of all agents, and gradients, moments and a
 * snapshot of the measured ones.
 *
 * @param measured - ids of the agents whose passes were measured
 */
export function measuredBytes(models: readonly ModelSize[], measured: readonly number[]): number {
  const trained = measured.map((id) => models[id].trainedParameters);
  const extra = trained.reduce((sum, size) => sum + size * (TRAINED - UNTRAINED + SNAPSHOT), 0);
  return UNTRAINED * trainedOf(models) + frozenBytes(models) + extra;
}

/**
 * Memory of the models of a run at its peak, bytes: {@link modelBytes}, the untrained team, the snapshot of
 * the agent in update, and with promotion tests the champion and the tested candidate.
 */
export function runModelBytes(models: readonly ModelSize[], promotes: boolean): number {
  const largest = Math.max(...models.map(({ trainedParameters }) => trainedParameters));
  // during a test there are two snapshots of the team, and none of an agent in update
  const snapshots = promotes ? SNAPSHOT * (trainedOf(models) + Math.max(trainedOf(models), largest)) : 0;
  return modelBytes(models) + UNTRAINED * trainedOf(models) + (promotes ? snapshots : SNAPSHOT * largest);
}

/**
 * Resident memory per byte of saved activations. ONNX Runtime enlarges its memory pools by doubling, and keeps
 * the memory of tensors of one size when tensors of another size follow. Measured: 1.3 to 2.0.
 */
const POOL_GROWTH = 1.5;

/**
 * Memory of activations and KV cache, bytes.
 *
 * @param size.tokens - see {@link BatchSize}
 */
export function passBytes({ passes }: ModelSize, { tokens, length, cachedTokens }: BatchSize): number {
  if (passes === undefined) return 0;
  const batch = Math.min(tokens, Math.max(passes.microBatchTokens, length));
  const saved = batch * (passes.activationBytesPerToken + passes.pairBytes * length);
  const kept = Math.min(saved, passes.activationBytes);
  return POOL_GROWTH * kept + cachedTokens * passes.cacheBytesPerToken;
}

/**
 * Share of the layers that a backward pass computes a second time, because their activations exceed the
 * limit, 0..1.
 */
export function recomputedShare({ passes }: ModelSize, { tokens, length }: BatchSize): number {
  if (passes === undefined) return 0;
  const batch = Math.min(tokens, Math.max(passes.microBatchTokens, length));
  const needed = batch * (passes.activationBytesPerToken + passes.pairBytes * length);
  return Math.max(0, 1 - passes.activationBytes / needed);
}

function trainedOf(models: readonly ModelSize[]): number {
  return models.reduce((sum, model) => sum + model.trainedParameters, 0);
}

function frozenBytes(models: readonly ModelSize[]): number {
  const frozen = new Map(models.map(({ frozen: base }) => [base?.folder, base?.bytes ?? 0]));
  return [...frozen.values()].reduce((sum, bytes) => sum + bytes, 0);
}
