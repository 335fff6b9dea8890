/**
 * Detects teams with different vocabularies. Their mean log-probabilities per token are not comparable, because
 * tokens of different vocabularies have different lengths.
 * @module
 */
import type { Tokenizer } from '../engine/engine.ts';
import type { Team } from './team.ts';

/** Number of compared token ids; a comparison of all 250,000 tokens of a large vocabulary would be slow. */
const SAMPLES = 256;

const known = new WeakMap<Team['agents'], boolean>();

/** Returns whether all agents have the same vocabulary. Compares the sizes and a sample of the tokens. */
export function shareVocabulary({ agents }: Pick<Team, 'agents'>): boolean {
  let answer = known.get(agents);
  if (answer === undefined) {
    const [first, ...others] = agents.map(({ model }) => model.tokenizer);
    answer = first === undefined || others.every((other) => isSame(first, other));
    known.set(agents, answer);
  }
  return answer;
}

function isSame(a: Tokenizer, b: Tokenizer): boolean {
  if (a === b) return true;
  if (a.vocabSize !== b.vocabSize) return false;
  const step = Math.max(1, Math.floor(a.vocabSize / SAMPLES));
  for (let id = 0; id < a.vocabSize; id += step) if (a.decode([id]) !== b.decode([id])) return false;
  return true;
}
