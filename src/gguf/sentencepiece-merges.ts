/**
 * Merges of a SentencePiece BPE model. GGUF files have only scores: the tokenizer of llama.cpp joins two neighbouring
 * pieces if their concatenation is a token, the one with the highest score first. The same rule as a list of merges
 * contains each way to split a token into two tokens, in the order of the scores.
 * @see llama.cpp, src/llama-vocab.cpp, `llm_tokenizer_spm_session`; Transformers, integrations/ggml.py
 * @module
 */
import { TOKEN_TYPES, type Vocabulary } from './vocabulary.ts';

/** Types of tokens that are never the result of merges: they are special, and found in a text before it is split. */
const NEVER_MERGED: ReadonlySet<number> = new Set([TOKEN_TYPES.control, TOKEN_TYPES.unknown]);

/**
 * Returns the merges, first the one that is applied first.
 *
 * Splits of one token have the same score. llama.cpp then applies the leftmost in the text, which a list cannot
 * express; the list prefers the longest left part. Results differ only where both splits overlap in a text.
 *
 * @param scores - of each token
 */
export function mergesByScore(
  { tokens, ids, types }: Pick<Vocabulary, 'tokens' | 'ids' | 'types'>,
  scores: readonly number[],
): [string, string][] {
  const order = Uint32Array.from(tokens.keys())
    .filter((id) => !NEVER_MERGED.has(types?.[id] ?? TOKEN_TYPES.normal))
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const merges: [string, string][] = [];
  for (const id of order) {
    const token = tokens[id] as string;
    for (let cut = token.length - 1; cut > 0; cut--) {
      if (splitsCharacter(token, cut)) continue;
      const right = token.slice(cut);
      if (!ids.has(right)) continue;
      const left = token.slice(0, cut);
      if (ids.has(left)) merges.push([left, right]);
    }
  }
  return merges;
}

/** Returns whether a cut is between the two UTF-16 units of one character. */
function splitsCharacter(text: string, cut: number): boolean {
  const unit = text.charCodeAt(cut);
  return unit >= 0xdc00 && unit < 0xe000;
}
