/**
 * Whether the agents of a team write in the same tokens. Where they do not, a log-probability per token says
 * more about the size of an agent's tokens than about how sure it is.
 * @module
 */
import type { Tokenizer } from '../engine/engine.ts';
import type { Team } from './team.ts';

/** Ids looked at: enough to tell vocabularies apart, few enough for those of a quarter of a million. */
const SAMPLES = 256;

const known = new WeakMap<Team['agents'], boolean>();

/** Whether all agents share one vocabulary, as far as a sample of their tokens tells. */
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
