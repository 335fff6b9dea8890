/**
 * Removes from a task the training prompts that occur in evaluation sets, and lists them.
 * @module
 */
import { TaskError } from '../support/errors.ts';
import type { ContaminationIndex, Match } from './contamination.ts';
import type { Split, Task, TaskItem } from './task.ts';

/**
 * Splits that must not contain evaluation problems: losses use `train`, and acceptance tests choose a team on
 * `validation`.
 */
const CHECKED_SPLITS: readonly Split[] = ['train', 'validation'];

/** Maximum number of consecutive generated problems that may be dropped before an error is thrown. */
const LOOK_AHEAD = 1000;

/** A prompt of the train or validation split that matches an evaluation problem. */
export interface Contaminated {
  readonly split: Split;
  readonly item: TaskItem;
  readonly match: Match;
}

/**
 * Returns the prompts of the train and validation splits that occur in evaluation sets.
 *
 * @param endless - number of prompts to compare if a split is generated without end
 */
export function contaminatedPrompts(
  task: Task,
  index: ContaminationIndex,
  { endless }: { readonly endless: number },
): Contaminated[] {
  return CHECKED_SPLITS.flatMap((split) => {
    const found: Contaminated[] = [];
    for (let i = 0; i < (task.size(split) ?? endless); i++) {
      const item = task.item(split, i);
      const match = index.find(item);
      if (match) found.push({ split, item, match });
    }
    return found;
  });
}

/**
 * Returns the same task without the prompts of `train` and `validation` that occur in evaluation sets. Later
 * items get smaller indices. A generated split continues with the next problem that is in no evaluation set.
 *
 * @param warning - added to the warnings of the task
 * @throws TaskError from `item` if 1,000 consecutive generated problems are evaluation problems
 */
export function withoutContaminated(task: Task, index: ContaminationIndex, warning?: string): Task {
  const kept = new Map(CHECKED_SPLITS.map((split) => [split, new KeptItems(task, split, index)]));
  return withMembers(task, {
    size: (split) => kept.get(split)?.size() ?? task.size(split),
    item: (split, i) => kept.get(split)?.item(i) ?? task.item(split, i),
    warnings: [...(task.warnings ?? []), ...(warning === undefined ? [] : [warning])],
  });
}

/** Computes the indices of the items of a split that are kept, as far as they are needed. */
class KeptItems {
  readonly #task: Task;
  readonly #split: Split;
  readonly #index: ContaminationIndex;
  readonly #kept: number[] = [];
  #next = 0;

  constructor(task: Task, split: Split, index: ContaminationIndex) {
    this.#task = task;
    this.#split = split;
    this.#index = index;
  }

  size(): number | undefined {
    const size = this.#task.size(this.#split);
    if (size === undefined) return undefined;
    while (this.#next < size) this.#advance();
    return this.#kept.length;
  }

  item(i: number): TaskItem {
    const size = this.#task.size(this.#split) ?? Number.POSITIVE_INFINITY;
    let dropped = 0;
    while (this.#kept.length <= i && this.#next < size)
      if (!this.#advance() && ++dropped > LOOK_AHEAD)
        throw new TaskError(
          `task ${this.#task.name}: expected problems of the ${this.#split} split that are in no evaluation set, got none among ${LOOK_AHEAD}; allow more or larger problems`,
          { code: 'TROUPE_TASK_CONTAMINATED' },
        );
    // with an index past the end, the task throws its own error
    return this.#task.item(this.#split, this.#kept[i] ?? size);
  }

  /** Compares the next item of the split with the evaluation sets. @returns whether the item is kept */
  #advance(): boolean {
    const isKept = this.#index.find(this.#task.item(this.#split, this.#next)) === undefined;
    if (isKept) this.#kept.push(this.#next);
    this.#next++;
    return isKept;
  }
}

/**
 * Returns a task with some members replaced. All other methods are called on the original object, because
 * tasks have private fields.
 */
export function withMembers(task: Task, replaced: Partial<Task>): Task {
  return new Proxy(task, {
    get(target, key) {
      if (Object.hasOwn(replaced, key)) return Reflect.get(replaced, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
