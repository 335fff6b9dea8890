/**
 * The task `autologi`: AutoLogi's puzzles. A puzzle has many correct answers, and Python functions of its
 * item verify an answer. For evaluation only: all items are in the test split. The functions run in the
 * interpreter of `src/grade/python`, which cannot access files, the network or anything else of the host; see
 * `docs/autologi.md`.
 * @see Zhu et al., "AutoLogi", arXiv:2502.16906; 8188zq/AutoLogi
 * @module
 */
import { z } from 'zod';
import { afterThinking } from '../../grade/after-thinking.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { text } from '../../schema/fields.ts';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import type { Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { answerPart, normalAnswer, readAnswer } from './answer.ts';
import { type AutoLogiRecord, readAutoLogi } from './records.ts';

export interface AutoLogiOptions {
  /**
   * File of JSON lines as published, with the fields `prompt` and `code` {`Inputs_Check_code`,
   * `Constraint_List_code`}.
   */
  readonly path: string;
}

/** The task `autologi` of a team file. */
export const autologi = defineTask({
  name: 'autologi',
  about: 'the benchmark AutoLogi, for evaluation only',
  options: z.strictObject({
    path: text('the name of a JSON-lines file').describe(
      'JSON lines as published: `prompt`, and `code` with `Inputs_Check_code` and `Constraint_List_code`.',
    ),
  }),
  create: createAutoLogi,
});

/** Maximum number of excluded items that the warning lists by name. */
const NAMED = 10;

/**
 * Creates the task.
 *
 * @throws ConfigError naming file and line of a record without a required field, or if no item can be
 *   verified
 */
export function createAutoLogi({ path }: AutoLogiOptions): Task {
  const { records, leftOut } = readAutoLogi(path);
  if (records.length === 0)
    throw new ConfigError(`${path}: expected an item whose checks can run, got none: ${leftOut[0]?.reason}`, {
      code: 'TROUPE_TASK_EMPTY_SPLIT',
    });
  const named = leftOut.slice(0, NAMED).map(({ id, reason }) => `${id} (${reason})`);
  const more = leftOut.length > NAMED ? ` and ${leftOut.length - NAMED} more` : '';
  return {
    name: 'autologi',
    rewardRange: BINARY_REWARD,
    warnings:
      leftOut.length === 0
        ? []
        : [
            `left out ${leftOut.length} of ${records.length + leftOut.length} items: ${named.join(', ')}${more}`,
          ],
    size: (split: Split) => (split === 'test' ? records.length : 0),
    item: (split: Split, index: number): TaskItem => itemOf(records, split, index),
    verify: (item: TaskItem, text: string): Verdict => verdictOf(item.data as AutoLogiRecord, text),
    answerOf: answerIn,
  };
}

function itemOf(records: readonly AutoLogiRecord[], split: Split, index: number): TaskItem {
  const record = split === 'test' ? records[index] : undefined;
  if (record === undefined)
    throw new TaskError(
      `task autologi: expected an index from 0 to ${records.length - 1} in the test split, got ${index} in ${split}`,
      { code: 'TROUPE_TASK_INDEX' },
    );
  const { id, prompt, problem } = record;
  return { id, prompt, ...(problem === undefined ? {} : { problem }), data: record };
}

function answerIn(text: string): string | undefined {
  const part = answerPart(afterThinking(text));
  const value = part === undefined ? undefined : readAnswer(part);
  return value === undefined ? undefined : normalAnswer(value);
}

function verdictOf({ checker }: AutoLogiRecord, text: string): Verdict {
  const part = answerPart(afterThinking(text));
  if (part === undefined) return noAnswer('expected a fenced block, {...} or [...]');
  const value = readAnswer(part);
  if (value === undefined) return noAnswer(`expected a Python literal, got ${excerpt(part)}`);
  const answer = normalAnswer(value);
  const check = checker.check(value);
  if (check.kind === 'valid') return correct(answer, 'every constraint holds');
  return incorrect(answer, check.kind === 'invalid' ? check.reason : `unverifiable: ${check.reason}`);
}
