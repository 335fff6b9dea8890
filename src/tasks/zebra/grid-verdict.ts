/**
 * Verdicts on zebra puzzles: solved or not, and by choice a reward for every cell that is right.
 * @module
 */

import { noAnswer } from '../../grade/verdict.ts';
import type { Verdict } from '../../task/task.ts';
import { type GridSolution, judgeGrid } from './grid-answer.ts';
import type { ZebraReward } from './options.ts';

/** The verdict on an answer in ZebraLogic's JSON. */
export function gridVerdict(gold: GridSolution, text: string, reward: ZebraReward): Verdict {
  const { answer, correctCells, totalCells } = judgeGrid(gold, text);
  if (answer === undefined) return noAnswer('expected JSON with a "solution" as the last {...}');
  return cellVerdict(answer, { right: correctCells, of: totalCells, reward });
}

/** The verdict on an answer with so many right cells; the puzzle is solved when all are. */
export function cellVerdict(
  answer: string,
  { right, of, reward }: { readonly right: number; readonly of: number; readonly reward: ZebraReward },
): Verdict {
  const correct = right === of;
  return {
    correct,
    reward: reward === 'cells' ? right / of : Number(correct),
    answer,
    reason: correct ? `all ${of} cells are right` : `${right} of ${of} cells are right`,
  };
}
