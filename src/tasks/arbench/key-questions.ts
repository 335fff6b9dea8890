/**
 * AR-Bench's process score: a judge says which of a problem's key questions a question of the team hits; the score
 * is the share of them hit so far.
 * @module
 */
import type { Question } from '../../task/task.ts';

/** What the judge has to know. */
export interface KeyQuestions {
  /** What really happened. */
  readonly truth: string;
  readonly keyQuestions: readonly string[];
}

/** Asks the judge about one question of the team. */
export function judgeQuestion({ truth, keyQuestions }: KeyQuestions, asked: string): Question {
  const numbered = keyQuestions.map((question, i) => `${i + 1}. ${question}`).join('\n');
  return {
    messages: [
      {
        role: 'system',
        content: `You judge the questions of somebody who tries to find out what happened. You know the truth and a numbered list of key questions. Say which key questions the question you are given leads to: those that it asks outright or that its answer settles.

Answer with nothing but the numbers, in the form "Hit point: 1, 3", or with "No point is hit".

Truth:
${truth}

Key questions:
${numbered}`,
      },
      { role: 'user', content: asked },
    ],
  };
}

/**
 * Positions of the key questions that a judge's answer names, from 0: those of its first list of numbers.
 *
 * @example
 * hitsOf('Hit point: 1, 3', 4); // => [0, 2]
 */
export function hitsOf(answer: string, count: number): number[] {
  const list = /hit point: ([\d, ]+)/i.exec(answer)?.[1] ?? '';
  const numbers = list.split(',').map((part) => Number.parseInt(part, 10));
  return numbers.filter((number) => number >= 1 && number <= count).map((number) => number - 1);
}

/** Share of the key questions that are among the hits; 0 where there are none. */
export function hitShare(hits: readonly number[], count: number): number {
  return count === 0 ? 0 : new Set(hits).size / count;
}
