/**
 * Skips the train and validation prompts of a task that are too long for the models of a team.
 * @see ../train/prompts.ts, whose cursors pass over skipped prompts
 * @module
 */
import { withMembers } from './decontaminated-task.ts';
import type { Split, Task, TaskItem } from './task.ts';

/**
 * Returns the same task with `isSkipped`. Each prompt is measured once, when a cursor first meets it.
 *
 * @param warning - added to the warnings of the task
 */
export function withPromptLimit(task: Task, isTooLong: (item: TaskItem) => boolean, warning?: string): Task {
  const known = { train: new Map<number, boolean>(), validation: new Map<number, boolean>() };
  return withMembers(task, {
    isSkipped(split: Split, index: number): boolean {
      // evaluations skip no prompt, so that the scores of different teams are comparable
      if (split === 'test') return false;
      let isSkipped = known[split].get(index);
      if (isSkipped === undefined) {
        isSkipped = isTooLong(task.item(split, index));
        known[split].set(index, isSkipped);
      }
      return isSkipped;
    },
    warnings: [...(task.warnings ?? []), ...(warning === undefined ? [] : [warning])],
  });
}
