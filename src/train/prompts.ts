/**
 * Prompt cursors: each reads one split and only moves forward. An infinite (generated) split is read in order. A finite
 * train split is reshuffled for every pass. A finite validation split is shuffled once and then ends, because a prompt
 * may be used by one acceptance test only.
 * @module
 */
import { randomOrder } from '../core/order.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { shuffleDraws, trainStream } from './streams.ts';

export interface PromptCursor {
  /** Number of prompts taken so far; the only state of the cursor. */
  readonly position: number;
  /** Number of prompts left; undefined: unlimited. */
  readonly remaining: number | undefined;
  /**
   * Returns the next prompts and moves the cursor past them. Returns fewer than `count` at the end of the
   * split.
   */
  take(count: number): TaskItem[];
}

export interface CursorOptions {
  readonly seed: number;
  /** Number of prompts that were taken before, e.g. by the interrupted run; default 0. */
  readonly position?: number;
  /** Behaviour after the last prompt of a finite split. */
  readonly atEnd: 'reshuffle' | 'stop';
}

/** Creates a cursor over a split of a task. */
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

/**
 * Returns a function that maps a position in the sequence of shuffled passes to the index of its prompt. The
 * order of the current pass is cached.
 */
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
