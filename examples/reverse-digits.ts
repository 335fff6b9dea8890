/**
 * A task module in which the model writes a number backwards. A team file uses it by `task: { module:
 * reverse-digits.ts, digits: 4 }`. The functions are pure: all randomness comes from the given stream, so
 * that equal seeds give equal problems.
 */
import type { ModuleContext, ModuleItem, ModuleVerdict, TaskItem } from 'troupe';

export const about = 'write a number backwards';

/** Options of the task with their default values; a team file may set them. */
export const options = { digits: 3 };

export const alphabet = '0123456789>';

/** Draws one problem. troupe calls this function until a problem belongs to the requested split. */
export function generate(stream: { int(bound: number): number }, { options }: ModuleContext): ModuleItem {
  const number = Array.from({ length: Number(options.digits) }, () => stream.int(10)).join('');
  return { prompt: `${number}>`, answer: [...number].reverse().join('') };
}

/** Grades a text. Votes are counted on the returned `answer`. */
export function verify(item: TaskItem, text: string): ModuleVerdict {
  const answer = text.trim();
  return { correct: answer === item.answer, answer, reason: `expected ${item.answer}` };
}

/**
 * Returns the answer of a text without grading it, for votes on questions without a known problem, as in
 * serving.
 */
export const answerOf = (text: string): string => text.trim();

/**
 * Returns a demonstration for `pretrain`. Four of ten are wrong, so that the model makes errors which
 * training can remove.
 */
export function demonstrate(item: TaskItem, stream: { int(bound: number): number }): string {
  const answer = item.answer ?? '';
  return stream.int(10) < 4 ? [...answer].sort().join('') : answer;
}
