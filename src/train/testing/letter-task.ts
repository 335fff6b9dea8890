/**
 * A task for tabular models: the prompt is a letter and the answer is the next letter of the alphabet.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import type { Split, Task } from '../../task/task.ts';

/** Letters of prompts and answers. */
export const LETTERS = 'abcd';

export interface LetterTaskOptions {
  /** Letters of a split's prompts; default all, so that the splits share their states. */
  readonly letters?: Partial<Record<Split, string>>;
  /** Number of prompts of a split; absent: unlimited. */
  readonly sizes?: Partial<Record<Split, number>>;
  /** Distance from the prompt's letter to the answer, by split; default 1. With unequal distances training harms. */
  readonly shifts?: Partial<Record<Split, number>>;
}

/** Items of a split differ in id; their letters are drawn at random and repeat. */
export function createLetterTask({ letters = {}, sizes = {}, shifts = {} }: LetterTaskOptions = {}): Task {
  return {
    name: 'letters',
    rewardRange: [0, 1],
    alphabet: LETTERS,
    size: (split) => sizes[split],
    item(split, index) {
      const available = letters[split] ?? LETTERS;
      const seed = { train: 0, validation: 1, test: 2 }[split];
      const prompt = available[randomStream(17, seed, index).int(available.length)];
      const answer = LETTERS[(LETTERS.indexOf(prompt) + (shifts[split] ?? 1)) % LETTERS.length];
      return { id: `${split}-${index}`, prompt, answer };
    },
    verify(item, text) {
      const answer = text.slice(0, 1);
      const correct = answer === item.answer;
      return {
        correct,
        reward: correct ? 1 : 0,
        reason: correct ? 'the right letter' : `expected ${item.answer}`,
        ...(answer !== '' && { answer }),
      };
    },
  };
}
