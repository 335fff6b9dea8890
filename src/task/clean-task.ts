/**
 * A task without the training prompts that occur in evaluation sets, and the list of those that do.
 * @module
 */
import { TaskError } from '../support/errors.ts';
import type { ContaminationIndex, Match } from './contamination.ts';
import type { Split, Task, TaskItem } from './task.ts';

/** Splits a team learns or is chosen on: what is proved on `test` decides which team is kept. */
const LEARNT: readonly Split[] = ['train', 'validation'];

/** Of a generator, dropping looks so many indices ahead for a problem that may stay. */
const LOOK_AHEAD = 1000;

/** A training prompt that is an evaluation problem. */
export interface Contaminated {
  readonly split: Split;
  readonly item: TaskItem;
  readonly match: Match;
}

/**
 * The prompts of the train and validation splits that occur in evaluation sets.
 *
 * @param endless - how many prompts to look at of a split that never runs out
 */
export function contaminatedPrompts(
  task: Task,
  index: ContaminationIndex,
  { endless }: { readonly endless: number },
): Contaminated[] {
  return LEARNT.flatMap((split) => {
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
 * The same task with those prompts left out of `train` and `test`; later items move up. A generator gives the
 * next problem that is in no evaluation set.
 *
 * @param warning - what a user should know of it, said beside the task's own warnings
 * @throws TaskError from `item` if a generator has nothing else to give
 */
export function withoutContaminated(task: Task, index: ContaminationIndex, warning?: string): Task {
  const kept = new Map(LEARNT.map((split) => [split, new KeptItems(task, split, index)]));
  return withParts(task, {
    size: (split) => kept.get(split)?.size() ?? task.size(split),
    item: (split, i) => kept.get(split)?.item(i) ?? task.item(split, i),
    warnings: [...(task.warnings ?? []), ...(warning === undefined ? [] : [warning])],
  });
}

/** Indices of a split whose items may stay, found as far as they are needed. */
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
    while (this.#next < size) this.#look();
    return this.#kept.length;
  }

  item(i: number): TaskItem {
    const size = this.#task.size(this.#split) ?? Number.POSITIVE_INFINITY;
    let inVain = 0;
    while (this.#kept.length <= i && this.#next < size)
      if (!this.#look() && ++inVain > LOOK_AHEAD)
        throw new TaskError(
          `task ${this.#task.name}: expected problems of the ${this.#split} split that are in no evaluation set, got none among ${LOOK_AHEAD}; allow more or larger problems`,
          { code: 'TROUPE_TASK_CONTAMINATED' },
        );
    // past the end the task itself says how many there are
    return this.#task.item(this.#split, this.#kept[i] ?? size);
  }

  /** Looks at one more index. @returns whether it may stay */
  #look(): boolean {
    const stays = this.#index.find(this.#task.item(this.#split, this.#next)) === undefined;
    if (stays) this.#kept.push(this.#next);
    this.#next++;
    return stays;
  }
}

/** A task with some of its parts replaced; tasks keep private state, so the others are called on the original. */
function withParts(task: Task, parts: Partial<Task>): Task {
  return new Proxy(task, {
    get(target, key) {
      if (Object.hasOwn(parts, key)) return Reflect.get(parts, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
