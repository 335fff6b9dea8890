/**
 * Counts the wrong answers of an evaluation. A wrong answer that is given again and again shows a habit of the model or an
 * error of the verifier.
 * @module
 */
import type { Verdict } from '../task/task.ts';

export interface WrongAnswer {
  /** The answer in normal form; absent for episodes without an answer. */
  readonly answer?: string;
  readonly count: number;
}

/** Maximum number of different wrong answers. */
const SHOWN = 5;

/**
 * Returns the most frequent wrong answers, the most frequent one first; ties are in order of appearance. Empty if no verdict
 * states an answer, as with tasks that count no votes.
 */
export function frequentWrongAnswers(verdicts: readonly Verdict[]): WrongAnswer[] {
  if (verdicts.every(({ answer }) => answer === undefined)) return [];
  const counts = new Map<string | undefined, number>();
  for (const { correct, answer } of verdicts) if (!correct) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([answer, count]) => ({ ...(answer === undefined ? {} : { answer }), count }));
}
