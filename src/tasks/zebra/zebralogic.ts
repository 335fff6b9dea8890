/**
 * The task `zebralogic`: ZebraLogic's grid mode with the published puzzles, prompt and grading. For
 * evaluation only: all puzzles are in the test split, so that no run can train on one. Solutions that the
 * file withholds are computed, because each puzzle has exactly one solution.
 * @see Lin et al., "ZebraLogic", arXiv:2502.01100; WildEval/ZeroEval
 * @module
 */
import { z } from 'zod';
import { BINARY_REWARD } from '../../grade/verdict.ts';
import { text } from '../../schema/fields.ts';
import { TaskError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import type { Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { gridVerdict } from './grid-verdict.ts';
import { officialPrompt } from './official-prompt.ts';
import { rewardField, type ZebraReward } from './options.ts';
import { sizeGroup } from './puzzle.ts';
import { readZebraLogic, type ZebraLogicRecord } from './records.ts';

export interface ZebraLogicOptions {
  /**
   * Path of the JSON-lines file as published, with the fields `id`, `puzzle` and `solution` {`header`,
   * `rows`}.
   */
  readonly path: string;
  readonly reward: ZebraReward;
}

/** The task `zebralogic` of a team file. */
export const zebralogic = defineTask({
  name: 'zebralogic',
  about: 'the benchmark ZebraLogic, for evaluation only',
  options: z.strictObject({
    path: text('the name of a JSON-lines file').describe(
      'JSON lines as published: `id`, `puzzle`, and `solution` with `header` and `rows`.',
    ),
    reward: rewardField(),
  }),
  create: createZebraLogic,
});

/** Creates the task. @throws ConfigError naming file and line of the first puzzle that cannot be used */
export function createZebraLogic({
  path,
  reward = 'solved',
}: Pick<ZebraLogicOptions, 'path'> & Partial<ZebraLogicOptions>): Task {
  const records = readZebraLogic(path);
  return {
    name: 'zebralogic',
    rewardRange: BINARY_REWARD,
    size: (split: Split) => (split === 'test' ? records.length : 0),
    item: (split: Split, index: number): TaskItem => itemOf(records, split, index),
    verify: (item: TaskItem, text: string): Verdict =>
      gridVerdict((item.data as ZebraLogicRecord).gold, text, reward),
  };
}

function itemOf(records: readonly ZebraLogicRecord[], split: Split, index: number): TaskItem {
  const record = split === 'test' ? records[index] : undefined;
  if (record === undefined)
    throw new TaskError(
      `task zebralogic: expected an index from 0 to ${records.length - 1} in the test split, ` +
        `got ${index} in ${split}`,
      { code: 'TROUPE_TASK_INDEX' },
    );
  const { id, puzzle, gold } = record;
  const { headers, rows } = gold;
  return {
    id,
    prompt: officialPrompt(puzzle, { houses: rows.length, headers }),
    answer: rows.map((row) => row.join(', ').toLowerCase()).join(' | '),
    problem: puzzle,
    difficulty: sizeGroup(rows.length, headers.length),
    data: record,
  };
}
