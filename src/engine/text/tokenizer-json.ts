/**
 * What `tokenizer.json` means where the JavaScript library reads it otherwise than the Rust one, said in
 * words that both read alike.
 * @module
 */
import type { JsonObject } from './json-object.ts';

/**
 * Rewrites pre-tokenizers `Digits`: Rust splits at every kind of number (½, Ⅻ, ٣), the library at 0-9 only.
 *
 * @param json - a parsed `tokenizer.json`
 */
export function withRustDigits(json: JsonObject): JsonObject {
  return { ...json, pre_tokenizer: rewritten(json.pre_tokenizer) };
}

function rewritten(step: unknown): unknown {
  if (typeof step !== 'object' || step === null) return step;
  const { type, pretokenizers, individual_digits } = step as JsonObject;
  if (type === 'Sequence' && Array.isArray(pretokenizers))
    return { ...step, pretokenizers: pretokenizers.map(rewritten) };
  if (type !== 'Digits') return step;
  const pattern = { Regex: individual_digits === true ? '\\p{N}' : '\\p{N}+' };
  return { type: 'Split', pattern, behavior: 'Isolated', invert: false };
}
