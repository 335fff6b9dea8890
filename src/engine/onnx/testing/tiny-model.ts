/**
 * A tiny decoder for tests. Its dimensions differ from each other, so that a mix-up of axes is noticed.
 * @module
 */
import { randomStream } from '../../../core/rng.ts';
import { characterTokenizer } from '../../text/character-tokenizer.ts';
import type { TokenizerFiles } from '../../text/tokenizer-files.ts';
import type { DecoderConfig } from '../decoder/config.ts';
import { initialWeights, type Weights } from '../decoder/parameters.ts';
import type { OnnxEngine } from '../engine.ts';
import type { OnnxModel } from '../model.ts';

export const TINY_ALPHABET = 'abcde+=0123456789';

export function tinyTokenizer(): TokenizerFiles & { readonly vocabSize: number } {
  return characterTokenizer(TINY_ALPHABET);
}

export function tinyConfig(changes: Partial<DecoderConfig> = {}): DecoderConfig {
  return {
    architecture: 'Qwen3ForCausalLM',
    vocabSize: tinyTokenizer().vocabSize,
    hiddenSize: 12,
    layers: 2,
    heads: 6,
    kvHeads: 2,
    headDim: 4,
    intermediateSize: 10,
    normEpsilon: 1e-6,
    ropeTheta: 10000,
    tiedEmbeddings: true,
    maxPositions: 64,
    endTokens: [0],
    ...changes,
  };
}

/**
 * Returns weights that are large enough for every part of the network to affect the output; norm weights
 * differ from 1.
 */
export function tinyWeights(config: DecoderConfig): Weights {
  const weights = initialWeights(config, randomStream(5));
  const stream = randomStream(6);
  for (const values of weights.values())
    for (let i = 0; i < values.length; i++) values[i] = values[i]! * 4 ** 0.5 + 0.3 * stream.normal();
  return weights;
}

export async function tinyModel(
  engine: OnnxEngine,
  changes: Partial<DecoderConfig> = {},
): Promise<OnnxModel> {
  const config = tinyConfig(changes);
  return engine.fromCheckpoint({ config, weights: tinyWeights(config), tokenizer: tinyTokenizer() }, 'tiny');
}
