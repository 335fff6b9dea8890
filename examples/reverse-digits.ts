/**
 * A task module: write a number backwards. `task: { module: reverse-digits.ts, digits: 4 }` in a team file uses it.
 * The functions are pure; randomness comes from the stream, so that equal seeds give equal problems.
 */
import type { ModuleContext, ModuleItem, ModuleVerdict, TaskItem } from 'troupe';

export const about = 'write a number backwards';

/** Options with their defaults; a team file may set them. */
export const options = { digits: 3 };

export const alphabet = '0123456789>';

/** One problem. troupe draws until a problem belongs to the requested split. */
export function generate(stream: { int(bound: number): number }, { options }: ModuleContext): ModuleItem {
  const number = Array.from({ length: Number(options.digits) }, () => stream.int(10)).join('');
  return { prompt: `${number}>`, answer: [...number].reverse().join('') };
}

/** The answer that `verify` returns is the one that votes are counted on. */
export function verify(item: TaskItem, text: string): ModuleVerdict {
  const answer = text.trim();
  return { correct: answer === item.answer, answer, reason: `expected ${item.answer}` };
}

/** Votes on questions without a known problem, as in serving, need the answer alone. */
export const answerOf = (text: string): string => text.trim();

/** Demonstrations for `pretrain`; four of ten are wrong, so that training has errors to remove. */
export function demonstrate(item: TaskItem, stream: { int(bound: number): number }): string {
  const answer = item.answer ?? '';
  return stream.int(10) < 4 ? [...answer].sort().join('') : answer;
}
