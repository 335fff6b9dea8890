/**
 * How a model is run, by its size: small ones as one graph, which is fastest; large ones layer by layer, in
 * micro-batches whose activations fit.
 * @module
 */
import type { DecoderConfig } from './decoder/config.ts';
import { parameterSize, parameterSpecs } from './decoder/parameters.ts';

/**
 * Models of fewer parameters run as one graph. Beyond it the one-hot and whole-row forms of that graph cost
 * more than running layers one by one.
 */
const ONE_GRAPH_PARAMETERS = 30e6;

/** A run of fewer tokens wastes the time of reading the weights. */
const MIN_TOKENS = 256;

export function chooseExecution(config: DecoderConfig): 'whole' | 'layers' {
  const count = parameterSpecs(config).reduce((sum, spec) => sum + parameterSize(spec), 0);
  return count < ONE_GRAPH_PARAMETERS ? 'whole' : 'layers';
}

/** Tokens of one run whose activations fit into so many bytes, so that layers need not be computed again. */
export function layeredTokenBudget(config: DecoderConfig, activationBytes: number): number {
  return Math.max(MIN_TOKENS, Math.floor(activationBytes / activationBytesPerToken(config)));
}

/** What training keeps of one token, without attention's probabilities, which depend on the length; bytes. */
export function activationBytesPerToken(config: DecoderConfig): number {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, layers } = config;
  const perLayer = 4 * hiddenSize + 5 * (heads + kvHeads) * headDim + 4 * intermediateSize;
  return layers * perLayer * Float32Array.BYTES_PER_ELEMENT;
}
