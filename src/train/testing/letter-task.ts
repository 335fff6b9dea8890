/**
 * A task for tabular models: the prompt is a letter and the answer is the next letter of the alphabet.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import type { Split, Task } from '../../task/task.ts';

/** Letters of prompts and answers. */
export const LETTERS = 'abcd';

export interface LetterTaskOptions {
  /**
   * Letters that occur as prompts of a split; default: all letters, so that all splits have the same prompts.
   */
  readonly letters?: Partial<Record<Split, string>>;
  /** Number of prompts of a split; absent: unlimited. */
  readonly sizes?: Partial<Record<Split, number>>;
  /**
   * Distance in the alphabet from the prompt's letter to the answer, by split; default 1. If the splits have
   * different distances, training on one split lowers the reward on another.
   */
  readonly shifts?: Partial<Record<Split, number>>;
}

/**
 * Creates the task. The items of a split have different ids. Their letters are drawn at random, so several
 * items have the same letter.
 */
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
