/**
 * Exact worlds as tasks: a small episode with known values behind the task interface, so that the training
 * loop for language models runs on worlds whose true expected return J is known. The random draws of the
 * world (first state, transitions) are part of the task's item, as a question is part of a prompt. The models
 * draw the agents' actions.
 * @module
 */
import { randomStream } from '../core/rng.ts';
import type { Episode } from '../core/tabular/episode.ts';
import type { ObservedEpisode } from '../core/tabular/observed-episode.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';

/** Random draws of the world for one item of the task. */
interface WorldDraws {
  /** State at turn 0. */
  readonly start: number;
  /** One uniform draw per transition [H - 1]. */
  readonly uniforms: readonly number[];
}

const SPLIT_KEYS: Readonly<Record<Split, number>> = { train: 0, validation: 1, test: 2 };

/**
 * Creates a task from a world. The team's answer is its sequence of actions in the format of {@link
 * playText}. The reward is the return R = sum_t r_t, whose expectation is the exact J (E7). Splits are
 * infinite and have independent draws. `correct` means that the return lies above the middle of its range.
 *
 * @param options - name of the task, and seed of the world's own draws
 */
export function createWorldTask(
  { episode }: ObservedEpisode,
  { name = 'world', seed = 1 }: { readonly name?: string; readonly seed?: number } = {},
): Task {
  const rewardRange = returnRange(episode);
  const [lowest, highest] = rewardRange;
  const H = episode.turn.length;
  return {
    name,
    rewardRange,
    size: () => undefined,
    item(split, index) {
      const stream = randomStream(seed, SPLIT_KEYS[split], index);
      const start = drawIndex(episode.initial, stream.uniform());
      const data: WorldDraws = { start, uniforms: episode.turn.slice(1).map(() => stream.uniform()) };
      return { id: `${split}-${index}`, prompt: String(start), data };
    },
    verify(item, text) {
      const actions = text === '' ? [] : text.split(' ').map(Number);
      if (actions.length !== H)
        return { correct: false, reward: lowest, reason: `expected ${H} actions, got "${text}"` };
      const states = statesVisited(episode, item, actions);
      const total = actions.reduce((sum, a, t) => sum + episode.reward[t][states[t]][a], 0);
      // the rounding error of the sum can exceed the range
      const reward = Math.min(highest, Math.max(lowest, total));
      const reason = `return ${reward.toPrecision(4)} through states ${states.slice(0, H).join(' ')}`;
      return { correct: reward > (lowest + highest) / 2, reward, answer: text, reason };
    },
  };
}

/** Formats the actions of an episode in order of turns, e.g. `0 2 1`; `verify` parses this text. */
export function playText(actions: readonly number[]): string {
  return actions.join(' ');
}

/**
 * Returns the states s_0, s_1, ... that result from an item's draws and the actions so far. The last one is
 * the state in which the next action is taken.
 *
 * @param actions - actions of the turns so far
 * @returns one state per action and the next state [actions + 1]; after the last turn there is no next state
 *   [actions]
 */
export function statesVisited(
  { transition, turn }: Episode,
  item: TaskItem,
  actions: readonly number[],
): number[] {
  const { start, uniforms } = item.data as WorldDraws; // set by `item` above
  const states = [start];
  for (const [t, a] of actions.entries())
    if (t + 1 < turn.length) states.push(drawIndex(transition[t][states[t]][a], uniforms[t]));
  return states;
}

/** Returns the smallest and the largest return of any trajectory. */
function returnRange({ transition, reward, initial }: Episode): readonly [number, number] {
  const extreme = (pick: (...values: number[]) => number): number[] => {
    let future: number[] | undefined;
    for (let t = reward.length - 1; t >= 0; t--)
      future = reward[t].map((row, s) =>
        pick(...Array.from(row, (r, a) => r + (future ? reachable(transition[t][s][a], future, pick) : 0))),
      );
    return future ?? [0];
  };
  const possible = (values: readonly number[]) => values.filter((_, s) => initial[s] > 0);
  const [low, high] = [Math.min(...possible(extreme(Math.min))), Math.max(...possible(extreme(Math.max)))];
  return low < high ? [low, high] : [low, low + 1]; // a task's reward range must not be empty
}

function reachable(
  next: ArrayLike<number>,
  future: readonly number[],
  pick: (...values: number[]) => number,
): number {
  return pick(...future.filter((_, s) => next[s] > 0));
}

/**
 * Draws an index from p by its inverse CDF with the uniform number u. If u exceeds the sum of p because of
 * rounding, the result is the last index with positive probability.
 */
function drawIndex(p: ArrayLike<number>, u: number): number {
  let cumulated = 0;
  let last = 0;
  for (let k = 0; k < p.length; k++) {
    if (!(p[k] > 0)) continue;
    last = k;
    cumulated += p[k];
    if (u < cumulated) return k;
  }
  return last;
}
