/**
 * The first prompts of a split, for checks and measurements before training.
 * @module
 */
import { TaskError } from '../support/errors.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';

/** Number of consecutive prompts of a generated split after which the search for one that fits ends. */
export const LOOK_AHEAD = 1000;

/** Returns the first prompts of a split in its own order, without those that the task skips. */
export function firstPrompts(task: Task, split: Split, count: number): TaskItem[] {
  const items: TaskItem[] = [];
  const size = task.size(split) ?? LOOK_AHEAD;
  for (let index = 0; index < size && items.length < count; index++)
    if (task.isSkipped?.(split, index) !== true) items.push(task.item(split, index));
  return items;
}

/** Creates the error about a split whose prompts are all too long for the agents' contexts. */
export function noPromptFits(task: Task, split: Split, skipped: number): TaskError {
  return new TaskError(
    `task ${task.name}: expected prompts of the ${split} split that fit into the agents' contexts, got none among ${skipped}; allow shorter prompts or messages`,
    { code: 'TROUPE_TASK_OVERLONG' },
  );
}
