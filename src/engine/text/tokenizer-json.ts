/**
 * Rewrites parts of `tokenizer.json` that the JavaScript tokenizers library interprets differently from the Rust
 * library.
 * @module
 */
import type { JsonObject } from './json-object.ts';

/**
 * Rewrites `Digits` pre-tokenizers as regex splits: the Rust library splits at every numeric character (½, Ⅻ, ٣), the
 * JavaScript library at 0-9 only.
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
