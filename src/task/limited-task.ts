/**
 * Skips the train and validation prompts of a task that are too long for the models of a team.
 * @see ../train/prompts.ts, whose cursors pass over skipped prompts
 * @module
 */
import { withMembers } from './decontaminated-task.ts';
import type { Split, Task } from './task.ts';

/**
 * Returns the same task with `isSkipped`.
 *
 * @param isTooLong - answer for a prompt of the train or validation split; called whenever a cursor passes it
 * @param warnings - added to the warnings of the task
 */
export function withPromptLimit(
  task: Task,
  isTooLong: (split: Split, index: number) => boolean,
  warnings: readonly string[],
): Task {
  return withMembers(task, {
    // evaluations skip no prompt, so that the scores of different teams are comparable
    isSkipped: (split, index) => split !== 'test' && isTooLong(split, index),
    warnings: [...(task.warnings ?? []), ...warnings],
  });
}
