/**
 * Verdicts of tasks whose reward is 1 for a right answer and 0 for everything else.
 * @module
 */
import type { Verdict } from '../task/task.ts';

export const BINARY_REWARD = [0, 1] as const;

export function right(answer: string, reason: string): Verdict {
  return { correct: true, reward: 1, answer, reason };
}

export function wrong(answer: string, reason: string): Verdict {
  return { correct: false, reward: 0, answer, reason };
}

/** The text holds nothing that could be voted on. */
export function noAnswer(reason: string): Verdict {
  return { correct: false, reward: 0, reason: `no answer: ${reason}` };
}

/** Enough of a text to recognise it in a reason, on one line and in quotes. */
export function excerpt(text: string, length = 40): string {
  return JSON.stringify(text.length <= length ? text : `${text.slice(0, length)}...`);
}
