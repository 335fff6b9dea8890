/**
 * Chooses how a model is executed by its size: small models as one graph, which is fastest; large models layer by
 * layer, in micro-batches whose activations fit into a memory budget.
 * @module
 */
import type { DecoderConfig } from './decoder/config.ts';
import { parameterSize, parameterSpecs } from './decoder/parameters.ts';

/**
 * Models with fewer parameters run as one graph. For larger models, the one-hot matrices and the full logits
 * in this graph cost more than layer-by-layer execution.
 */
const ONE_GRAPH_PARAMETERS = 30e6;

/**
 * Minimum number of tokens of a micro-batch. With fewer tokens, reading the weights dominates the run time.
 */
const MIN_TOKENS = 256;

/** Chooses the execution of a model: as one graph (`whole`), or layer by layer (`layers`). */
export function chooseExecution(config: DecoderConfig): 'whole' | 'layers' {
  const count = parameterSpecs(config).reduce((sum, spec) => sum + parameterSize(spec), 0);
  return count < ONE_GRAPH_PARAMETERS ? 'whole' : 'layers';
}

/**
 * Returns the number of tokens per micro-batch whose activations fit into `activationBytes`, so that no layer
 * has to be recomputed.
 */
export function layeredTokenBudget(config: DecoderConfig, activationBytes: number): number {
  return Math.max(MIN_TOKENS, Math.floor(activationBytes / activationBytesPerToken(config)));
}

/**
 * Time of one floating-point operation of attention, relative to one of the projections: attention has small
 * matrices and a softmax. Measured with rows of 550 and 1,550 tokens of a model with 135 M parameters.
 */
const ATTENTION_SLOWNESS = 5;

/**
 * Returns the estimated cost of the attention between two positions, relative to the cost of the projections of
 * one token.
 */
export function attentionPairCost(config: DecoderConfig): number {
  const { heads, kvHeads, headDim, hiddenSize, intermediateSize } = config;
  const projections = 2 * hiddenSize * (headDim * (2 * heads + 2 * kvHeads) + 3 * intermediateSize);
  return (ATTENTION_SLOWNESS * 4 * heads * headDim) / projections;
}

/** Part of the memory for activations that the attention probabilities of one row with several sequences may use. */
const ATTENTION_SHARE = 1 / 4;

/**
 * Returns the maximum length of a row that several sequences share, tokens. Attention probabilities grow with the
 * square of the length, and `layeredTokenBudget` does not include them.
 */
export function sharedRowTokens(config: DecoderConfig, activationBytes: number): number {
  const bytesPerPair = Float32Array.BYTES_PER_ELEMENT * config.heads * config.layers;
  return Math.max(MIN_TOKENS, Math.floor(Math.sqrt((ATTENTION_SHARE * activationBytes) / bytesPerPair)));
}

/**
 * Returns the size of the activations that training keeps per token, bytes. Attention probabilities are not
 * included, because their size depends on the sequence length.
 */
export function activationBytesPerToken(config: DecoderConfig): number {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, layers } = config;
  const perLayer = 4 * hiddenSize + 5 * (heads + kvHeads) * headDim + 4 * intermediateSize;
  return layers * perLayer * Float32Array.BYTES_PER_ELEMENT;
}
