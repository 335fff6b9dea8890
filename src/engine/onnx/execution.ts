/**
 * Chooses how a model is executed by its size: small models as one graph, which is fastest; large models layer by
 * layer, in micro-batches whose activations fit into a memory budget.
 * @module
 */
import type { DecoderConfig } from './decoder/config.ts';
import { parameterSize, parameterSpecs } from './decoder/parameters.ts';

/**
 * Models with fewer parameters run as one graph. For larger ones the graph's one-hot matrices and full logits rows
 * cost more than layer-by-layer execution.
 */
const ONE_GRAPH_PARAMETERS = 30e6;

/** Minimum tokens of a micro-batch: with fewer, reading the weights dominates the run time. */
const MIN_TOKENS = 256;

/** `whole`: one graph; `layers`: layer by layer. */
export function chooseExecution(config: DecoderConfig): 'whole' | 'layers' {
  const count = parameterSpecs(config).reduce((sum, spec) => sum + parameterSize(spec), 0);
  return count < ONE_GRAPH_PARAMETERS ? 'whole' : 'layers';
}

/** Tokens per micro-batch whose activations fit into `activationBytes`, so that no layer has to be recomputed. */
export function layeredTokenBudget(config: DecoderConfig, activationBytes: number): number {
  return Math.max(MIN_TOKENS, Math.floor(activationBytes / activationBytesPerToken(config)));
}

/** Activations that training keeps per token, bytes; without attention probabilities, which depend on the length. */
export function activationBytesPerToken(config: DecoderConfig): number {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, layers } = config;
  const perLayer = 4 * hiddenSize + 5 * (heads + kvHeads) * headDim + 4 * intermediateSize;
  return layers * perLayer * Float32Array.BYTES_PER_ELEMENT;
}
