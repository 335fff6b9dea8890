/**
 * A decoder of the quickstart's size whose end token is outside the vocabulary. Every message then has the
 * maximum length, so that the server and the engine without a server do the same work.
 * @module
 */
import type { DecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { characterTokenizer } from '../src/engine/text/character-tokenizer.ts';
import type { TokenizerFiles } from '../src/engine/text/tokenizer-files.ts';

export function benchConfig(): { readonly config: DecoderConfig; readonly tokenizer: TokenizerFiles } {
  const tokenizer = characterTokenizer('0123456789+-*/()=#;,. ');
  return {
    tokenizer,
    config: {
      architecture: 'Qwen3ForCausalLM',
      vocabSize: tokenizer.vocabSize,
      ...{ layers: 4, hiddenSize: 128, heads: 4, kvHeads: 2, headDim: 32, intermediateSize: 384 },
      normEpsilon: 1e-6,
      ropeTheta: 10000,
      tiedEmbeddings: true,
      maxPositions: 256,
      endTokens: [1_000_000],
    },
  };
}
