/**
 * A task small enough for softmax tables and still real: the prompt is a letter, the answer the next
 * letter of the alphabet, and nobody knows that at first.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import type { Split, Task } from '../../task/task.ts';

/** Letters of prompts and answers. */
export const LETTERS = 'abcd';

export interface LetterTaskOptions {
  /** Letters that prompts of a split are made of; default all, so that splits share their states. */
  readonly letters?: Partial<Record<Split, string>>;
  /** Prompts of a split; absent: they never end. */
  readonly sizes?: Partial<Record<Split, number>>;
  /** How far the answer is from the prompt's letter, by split; default 1. Unequal: training misleads. */
  readonly shifts?: Partial<Record<Split, number>>;
}

/** Items of a split differ in id; the letter is drawn, so letters repeat. */
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
