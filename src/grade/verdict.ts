/**
 * Verdicts with binary rewards: 1 for a correct answer, 0 otherwise.
 * @module
 */
import type { Verdict } from '../task/task.ts';

/** [lowest, highest] reward. */
export const BINARY_REWARD = [0, 1] as const;

export function correct(answer: string, reason: string): Verdict {
  return { correct: true, reward: 1, answer, reason };
}

export function incorrect(answer: string, reason: string): Verdict {
  return { correct: false, reward: 0, answer, reason };
}

/** Creates the verdict on a text without an answer. A vote does not count the text. */
export function noAnswer(reason: string): Verdict {
  return { correct: false, reward: 0, reason: `no answer: ${reason}` };
}

/** Returns the first `length` characters of a text as a quoted string on one line, for messages. */
export function excerpt(text: string, length = 40): string {
  return JSON.stringify(text.length <= length ? text : `${text.slice(0, length)}...`);
}
