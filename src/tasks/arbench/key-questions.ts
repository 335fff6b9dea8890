/**
 * The process score of AR-Bench. For each question of the team, the answerer model grades which key questions
 * of the problem the question covers. The score is the share of key questions that are covered so far.
 * @module
 */
import type { Question } from '../../task/task.ts';

/** The facts for grading. */
export interface KeyQuestions {
  /** The solution. */
  readonly truth: string;
  readonly keyQuestions: readonly string[];
}

/** Creates the chat in which the answerer model grades one question of the team. */
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
 * Parses a grading: returns the indices (from 0) of the key questions in its first list of numbers.
 *
 * @example
 * hitsOf('Hit point: 1, 3', 4); // => [0, 2]
 */
export function hitsOf(answer: string, count: number): number[] {
  const list = /hit point: ([\d, ]+)/i.exec(answer)?.[1] ?? '';
  const numbers = list.split(',').map((part) => Number.parseInt(part, 10));
  return numbers.filter((number) => number >= 1 && number <= count).map((number) => number - 1);
}

/** Returns the share of the key questions that are covered; 0 if the problem has no key questions. */
export function hitShare(hits: readonly number[], count: number): number {
  return count === 0 ? 0 : new Set(hits).size / count;
}
