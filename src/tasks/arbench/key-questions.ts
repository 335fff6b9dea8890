/**
 * The process score of AR-Bench: the answerer grades which key questions of a problem a question of the team covers (hits).
 * The score is the share of key questions covered so far.
 * @module
 */
import type { Question } from '../../task/task.ts';

/** The facts for grading. */
export interface KeyQuestions {
  /** The solution. */
  readonly truth: string;
  readonly keyQuestions: readonly string[];
}

/** The chat that grades one question of the team. */
export function gradingQuestion({ truth, keyQuestions }: KeyQuestions, asked: string): Question {
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
 * Indices from 0 of the key questions that the first list of numbers of a grading contains.
 *
 * @example
 * hitsOf('Hit point: 1, 3', 4); // => [0, 2]
 */
export function hitsOf(answer: string, count: number): number[] {
  const list = /hit point: ([\d, ]+)/i.exec(answer)?.[1] ?? '';
  const numbers = list.split(',').map((part) => Number.parseInt(part, 10));
  return numbers.filter((number) => number >= 1 && number <= count).map((number) => number - 1);
}

/** Share of the key questions that are covered; 0 without key questions. */
export function hitShare(hits: readonly number[], count: number): number {
  return count === 0 ? 0 : new Set(hits).size / count;
}
