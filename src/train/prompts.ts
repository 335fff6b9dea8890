/**
 * Which prompts come next: a cursor per split that only moves forward. A generator's split is read in
 * order; a finite `train` split is reshuffled for every pass over it; a finite `test` split is shuffled
 * once and ends, because a prompt may serve one acceptance test only.
 * @module
 */
import { randomOrder } from '../core/order.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { shuffleDraws, trainStream } from './streams.ts';

export interface PromptCursor {
  /** Prompts handed out so far; all that resuming needs. */
  readonly position: number;
  /** Prompts left; undefined where they never end. */
  readonly remaining: number | undefined;
  /** The next prompts; fewer than asked for once the split has ended. */
  take(count: number): TaskItem[];
}

export interface CursorOptions {
  readonly seed: number;
  /** Where to go on; default 0. */
  readonly position?: number;
  /** What happens after the last prompt of a finite split. */
  readonly atEnd: 'reshuffle' | 'stop';
}

/** A cursor over a split of a task. */
export function createPromptCursor(task: Task, split: Split, options: CursorOptions): PromptCursor {
  const size = task.size(split);
  const shuffle = cachedShuffle(size ?? 0, options.seed, split);
  let position = options.position ?? 0;

  function remaining(): number | undefined {
    if (size === undefined || (options.atEnd === 'reshuffle' && size > 0)) return undefined;
    return Math.max(0, size - position);
  }

  return {
    get position() {
      return position;
    },
    get remaining() {
      return remaining();
    },
    take(count) {
      const items: TaskItem[] = [];
      for (let left = Math.min(count, remaining() ?? count); left > 0; left--, position++)
        items.push(task.item(split, size === undefined ? position : shuffle(position)));
      return items;
    },
  };
}

/** Index of the prompt at a position of the endless sequence of shuffled passes. */
function cachedShuffle(size: number, seed: number, split: Split): (position: number) => number {
  let pass = -1;
  let order: readonly number[] = [];
  return (position) => {
    if (Math.floor(position / size) !== pass) {
      pass = Math.floor(position / size);
      const stream = trainStream(seed, 'shuffle', split === 'train' ? 0 : 1, pass);
      order = randomOrder(size, shuffleDraws(stream, size));
    }
    return order[position % size];
  };
}
