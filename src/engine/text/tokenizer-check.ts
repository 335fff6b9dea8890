/**
 * Checks that the Rust tokenizers library and its encoder thread work on this machine: encodes and decodes one text
 * through the same code path as models.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import { RustTokenizer } from './rust-tokenizer.ts';

const WHERE = 'tokenizer check';
const FILE = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: [['a', 'b']] },
};

/**
 * Encodes the text `aab` as the tokens a, ab, and decodes them.
 *
 * @returns milliseconds from loading the library to the result
 * @throws EngineError if the result is wrong; another error if the library cannot be loaded
 */
export function checkTokenizer(): number {
  const start = performance.now();
  const files = new Map([['tokenizer.json', new TextEncoder().encode(JSON.stringify(FILE))]]);
  const tokenizer = RustTokenizer.of(files, {}, WHERE);
  const ids = [...(tokenizer.encode(['aab'])[0] ?? [])];
  const text = tokenizer.decode(ids);
  if (ids.join() !== '0,2' || text !== 'aab')
    throw new EngineError(
      `${WHERE}: expected the tokens [0,2] for aab, got [${ids}] (${text}); reinstall tokenizers`,
    );
  return performance.now() - start;
}
