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

/** The scores do not correspond to a list of merges; the message begins with the expectation. */
export class MergeError extends Error {}

/**
 * Returns the merges, first the one that is applied first.
 *
 * Splits of one token have the same score. llama.cpp then applies the leftmost in the text, which a list cannot
 * express; the list prefers the longest left part. Results differ only where both splits overlap in a text.
 *
 * @param scores - of each token
 * @throws MergeError if a token cannot be made from two tokens, or two tokens have the same score
 */
export function mergesByScore(
  { tokens, ids, types }: Pick<Vocabulary, 'tokens' | 'ids' | 'types'>,
  scores: readonly number[],
): [string, string][] {
  const isNormal = (id: number): boolean => (types?.[id] ?? TOKEN_TYPES.normal) === TOKEN_TYPES.normal;
  const order = Uint32Array.from(tokens.keys())
    .filter((id) => !NEVER_MERGED.has(types?.[id] ?? TOKEN_TYPES.normal))
    .sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const merges: [string, string][] = [];
  let lastScore: number | undefined;
  for (const id of order) {
    const token = tokens[id] as string;
    const before = merges.length;
    for (let cut = token.length - 1; cut > 0; cut--) {
      if (splitsCharacter(token, cut)) continue;
      const right = token.slice(cut);
      if (!ids.has(right)) continue;
      const left = token.slice(0, cut);
      if (ids.has(left)) merges.push([left, right]);
    }
    const isCharacter = [...token].length < 2;
    if (isCharacter || !isNormal(id)) continue;
    if (merges.length === before)
      throw new MergeError(`two tokens whose concatenation is ${JSON.stringify(token)}, got none`);
    const score = scores[id] as number;
    if (score === lastScore)
      throw new MergeError(
        `another score for each token of more than one character, got ${score} for ${JSON.stringify(token)} and another`,
      );
    lastScore = score;
  }
  return merges;
}

/** Returns whether a cut is between the two UTF-16 units of one character. */
function splitsCharacter(text: string, cut: number): boolean {
  const unit = text.charCodeAt(cut);
  return unit >= 0xdc00 && unit < 0xe000;
}
