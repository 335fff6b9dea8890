/**
 * Draws Blocksworld problems. Two states are drawn uniformly from all states of the same blocks: the initial
 * state, and the state whose towers are the goal. PlanBench generated its instances in the same way.
 * @see Slaney and Thiebaux, "Blocks World revisited", Artificial Intelligence 125, 2001
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { TaskError } from '../../support/errors.ts';
import { type ActionRange, drawWithin } from '../planning/action-range.ts';
import type { Problem, Step } from '../planning/strips.ts';
import { factsOf, onFacts, type Towers } from './domain.ts';
import { towersText } from './notation.ts';
import { shortestPlan } from './planner.ts';

export interface PuzzleShape extends ActionRange {
  /** The number of blocks is drawn uniformly from `minBlocks` to `maxBlocks`. */
  readonly minBlocks: number;
  readonly maxBlocks: number;
  /** Number of possible names of blocks: the first letters from `a` on. At least `maxBlocks`. */
  readonly names: number;
}

/** A problem as drawn. */
export interface Unsolved {
  readonly start: Towers;
  /** Towers to build, with at least two blocks each. */
  readonly wanted: Towers;
}

export interface Puzzle extends Unsolved {
  /** A shortest plan. */
  readonly plan: readonly Step[];
}

const MAX_TRIES = 10_000;

/**
 * Draws a problem whose goal does not hold in the initial state.
 *
 * @returns undefined if none of 10,000 draws has an allowed number of actions
 */
export function drawPuzzle(shape: PuzzleShape, stream: RandomStream): Unsolved | undefined {
  return drawWithin(shape, () => drawTask(shape, stream), {
    tries: MAX_TRIES,
    actions: (drawn) => shortestPlan(drawn)?.length,
  });
}

/**
 * Draws two states of the same blocks. Returns undefined if the goal holds in the initial state, which is
 * always so for a goal without facts.
 */
function drawTask({ minBlocks, maxBlocks, names }: PuzzleShape, stream: RandomStream): Unsolved | undefined {
  const count = minBlocks + stream.int(maxBlocks - minBlocks + 1);
  const blocks = shuffled(nameList(names), stream).slice(0, count);
  const start = drawTowers(blocks, stream);
  const wanted = drawTowers(blocks, stream).filter((tower) => tower.length > 1);
  const held = new Set(factsOf(start));
  return onFacts(wanted).every((fact) => held.has(fact)) ? undefined : { start, wanted };
}

/**
 * Adds a shortest plan to a problem. @throws TaskError if none was found, which does not happen with up to
 * eight blocks
 */
export function solved(drawn: Unsolved): Puzzle {
  const plan = shortestPlan(drawn);
  if (plan === undefined)
    throw new TaskError(`task blocksworld: expected a plan for ${puzzleKey(drawn)}, got none`);
  return { ...drawn, plan };
}

/** Converts a problem to facts (STRIPS). */
export function problemOf({ start, wanted }: Unsolved): Problem {
  return { init: factsOf(start), goal: onFacts(wanted) };
}

/** Returns the first `count` names of blocks: `a`, `b`, `c`, ... */
export function nameList(count: number): string[] {
  return Array.from({ length: count }, (_, at) => String.fromCharCode('a'.charCodeAt(0) + at));
}

/** Returns the key of a problem: its initial and goal towers. */
export function puzzleKey({ start, wanted }: Unsolved): string {
  return `${towersText(start)}>${towersText(wanted)}`;
}

/**
 * Draws a state uniformly. n blocks form n!/k! C(n-1, k-1) different states with k towers. So k is drawn with
 * these weights, then an order of all blocks, then k - 1 cuts. The towers are sorted by their lowest block.
 */
export function drawTowers(blocks: readonly string[], stream: RandomStream): string[][] {
  const n = blocks.length;
  const weights: number[] = [];
  for (let k = 1, weight = 1; k <= n; k++) {
    weights.push(weight); // weight of k: C(n-1, k-1) / k!, up to a constant factor
    weight *= (n - k) / (k * (k + 1));
  }
  const k = 1 + drawIndex(weights, stream);
  const order = shuffled(blocks, stream);
  const cuts = shuffled(
    Array.from({ length: n - 1 }, (_, at) => at + 1),
    stream,
  )
    .slice(0, k - 1)
    .sort((a, b) => a - b);
  return [0, ...cuts].map((from, at) => order.slice(from, cuts[at])).sort(([a], [b]) => (a < b ? -1 : 1));
}

function drawIndex(weights: readonly number[], stream: RandomStream): number {
  let left = stream.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [at, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return at;
  }
  return weights.length - 1; // rounding errors can leave a rest after the last weight
}

function shuffled<T>(list: readonly T[], stream: RandomStream): T[] {
  const all = [...list];
  for (let at = all.length - 1; at > 0; at--) {
    const other = stream.int(at + 1);
    [all[at], all[other]] = [all[other], all[at]];
  }
  return all;
}
