/**
 * Prompt cursors: each reads one split and only moves forward. An infinite (generated) split is read in order. A finite
 * train split is reshuffled for every pass. A finite validation split is shuffled once and then ends, because a prompt
 * may be used by one acceptance test only. A position counts skipped prompts too, so it means the same prompt for teams
 * that skip other prompts.
 * @module
 */
import { randomOrder } from '../core/order.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { LOOK_AHEAD, noPromptFits } from '../team/first-prompts.ts';
import { shuffleDraws, trainStream } from './streams.ts';

export interface PromptCursor {
  /** Number of prompts taken or skipped so far; the only state of the cursor. */
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

/** Creates a cursor over a split of a task. Prompts that the task skips are passed over. */
export function createPromptCursor(task: Task, split: Split, options: CursorOptions): PromptCursor {
  const size = task.size(split);
  const shuffle = cachedShuffle(size ?? 0, options.seed, split);
  const isEndless = size === undefined || (options.atEnd === 'reshuffle' && size > 0);
  const indexAt = (at: number): number => (size === undefined ? at : shuffle(at));
  const isSkipped = (at: number): boolean => task.isSkipped?.(split, indexAt(at)) === true;
  let position = options.position ?? 0;

  return {
    get position() {
      return position;
    },
    get remaining() {
      if (isEndless) return undefined;
      let count = Math.max(0, size - position);
      if (task.isSkipped !== undefined)
        for (let at = position; at < size; at++) count -= Number(isSkipped(at));
      return count;
    },
    take(count) {
      const items: TaskItem[] = [];
      for (let skipped = 0; items.length < count && (isEndless || position < size); position++)
        if (!isSkipped(position)) {
          items.push(task.item(split, indexAt(position)));
          skipped = 0;
        } else if (++skipped > Math.max(LOOK_AHEAD, 2 * (size ?? 0)))
          throw noPromptFits(task, split, skipped);
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
