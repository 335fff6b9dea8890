/**
 * Verdicts on zebra puzzles. An answer is correct if it solves the puzzle; its reward may be the share of
 * correct cells.
 * @module
 */

import { noAnswer } from '../../grade/verdict.ts';
import type { Verdict } from '../../task/task.ts';
import { type GridSolution, gradeGrid } from './grid-answer.ts';
import type { ZebraReward } from './options.ts';

/** Grades an answer in ZebraLogic's JSON format. */
export function gridVerdict(gold: GridSolution, text: string, reward: ZebraReward): Verdict {
  const { answer, correctCells, totalCells } = gradeGrid(gold, text);
  if (answer === undefined) return noAnswer('expected JSON with a "solution" as the last {...}');
  return cellVerdict(answer, { right: correctCells, of: totalCells, reward });
}

/**
 * Creates the verdict on an answer with `right` of `of` cells correct. The puzzle is solved if all cells are
 * correct.
 */
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
