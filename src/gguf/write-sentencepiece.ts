/**
 * Scores of a SentencePiece BPE model, recovered from the merges of its `tokenizer.json`. llama.cpp joins the two pieces
 * whose concatenation has the highest score, so that the score of a token is the negative rank of its first merge.
 * @see sentencepiece-merges.ts for the inverse
 * @module
 */
import { mergesByScore } from './sentencepiece-merges.ts';
import { TOKEN_TYPES } from './vocabulary.ts';
import { refused } from './write-pre-tokenizer.ts';

/** Score of tokens that are not the result of merges, as in llama.cpp's converter. */
const UNMERGED_SCORE = -1e6;

/** Types of tokens that are found in a text before it is split. */
const NEVER_MERGED: readonly number[] = [TOKEN_TYPES.control, TOKEN_TYPES.unknown];

export interface WrittenVocabulary {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/**
 * Returns the scores of all tokens.
 *
 * @param merges - pairs, first the one that is applied first
 * @throws ConfigError if llama.cpp would apply other merges
 */
export function sentencePieceScores(
  { tokens, types }: WrittenVocabulary,
  merges: readonly (readonly [string, string])[],
  where: string,
): number[] {
  const ids = new Map(tokens.map((text, id) => [text, id]));
  const scores = new Array<number>(tokens.length).fill(UNMERGED_SCORE);
  let last = -1;
  for (const [rank, [left, right]] of merges.entries()) {
    const id = ids.get(left + right);
    if (id === undefined || NEVER_MERGED.includes(types[id] as number)) continue;
    if (id !== last && scores[id] !== UNMERGED_SCORE)
      throw refused(where, 'merges that are not in the order of scores (not a SentencePiece model)');
    if (scores[id] === UNMERGED_SCORE) scores[id] = -rank;
    last = id;
  }
  const stated = new Set(merges.map(([left, right]) => `${left} ${right}`));
  const extra = mergesByScore({ tokens, ids, types }, scores).filter(
    ([left, right]) => !stated.has(`${left} ${right}`),
  );
  if (extra.length > 0)
    throw refused(
      where,
      `a vocabulary with ${extra.length} tokens that no merge makes, e.g. ${JSON.stringify(extra[0]?.join(''))}`,
    );
  return scores;
}
