/**
 * Shortest Blocksworld plans by A* over whole moves (lift a block, set it down). A shortest plan ends with setting a
 * block down, because only that makes a fact of the goal true, so states with a full hand need not be searched. A
 * state is the position of every block. The estimate counts the blocks that have to move at least once.
 * @module
 */

import { shortestPath } from '../planning/a-star.ts';
import type { Step } from '../planning/strips.ts';
import { onFacts, type Towers } from './domain.ts';

/** The block below each block; the table is -1. */
type Places = readonly number[];
const TABLE = -1;

interface Puzzle {
  readonly blocks: readonly string[];
  /** The block that the goal requires below each block; undefined: any. */
  readonly wanted: readonly (number | undefined)[];
}

/** A block, and the block or table to which it moves. */
interface Move {
  readonly block: number;
  readonly to: number;
}

/** Maximum number of states that are expanded; eight blocks need far fewer. */
const DEFAULT_MAX_STATES = 200_000;

/**
 * A plan with the fewest actions.
 *
 * @param problem.start - initial towers, with every block once
 * @param problem.wanted - towers to build; the lowest block of each may be anywhere
 * @returns undefined if no plan exists or the search exceeded `maxStates` states
 */
export function shortestPlan(
  { start, wanted }: { readonly start: Towers; readonly wanted: Towers },
  maxStates = DEFAULT_MAX_STATES,
): Step[] | undefined {
  const blocks = start.flat();
  const index = new Map(blocks.map((block, at) => [block, at]));
  const places = blocks.map(() => TABLE);
  const goal = blocks.map((): number | undefined => undefined);
  const put = (towers: Towers, at: (number | undefined)[]): boolean =>
    onFacts(towers).every((fact) => {
      const [, block, under] = fact.split(' ').map((name) => index.get(name));
      if (block !== undefined && under !== undefined) at[block] = under;
      return block !== undefined && under !== undefined;
    });
  put(start, places);
  if (!put(wanted, goal)) return undefined; // the goal names a block that does not exist
  const puzzle: Puzzle = { blocks, wanted: goal };
  return shortestPath<Places, Move>({
    start: places,
    key: (state) => state.join(),
    successors,
    estimate: (state) => movesLeft(puzzle, state),
    isGoal: (state) => isGoal(puzzle, state),
    maxStates,
  })?.flatMap(({ move, before }) => stepsOf(move, before, blocks));
}

function isGoal({ wanted }: Puzzle, places: Places): boolean {
  return wanted.every((under, block) => under === undefined || places[block] === under);
}

function* successors(places: Places): Generator<readonly [Move, Places]> {
  const clear = places.map((_, block) => block).filter((block) => !places.includes(block));
  for (const block of clear)
    for (const to of [...clear, TABLE])
      if (to !== block && to !== places[block]) yield [{ block, to }, places.with(block, to)];
}

/** The number of blocks that have to move: misplaced blocks, blocks at their target, and all blocks above these. */
function movesLeft({ wanted }: Puzzle, places: Places): number {
  const above = new Map(places.map((under, block) => [under, block]));
  const moves = new Set<number>();
  const lift = (block: number | undefined): void => {
    for (let each = block; each !== undefined; each = above.get(each)) moves.add(each);
  };
  wanted.forEach((under, block) => {
    if (under === undefined || places[block] === under) return;
    lift(block);
    lift(above.get(under)); // the block that is there now
  });
  return moves.size;
}

function stepsOf({ block, to }: Move, before: Places, blocks: readonly string[]): Step[] {
  const [name, from] = [blocks[block], before[block]];
  return [
    from === TABLE
      ? { action: 'pick-up', objects: [name] }
      : { action: 'unstack', objects: [name, blocks[from]] },
    to === TABLE ? { action: 'put-down', objects: [name] } : { action: 'stack', objects: [name, blocks[to]] },
  ];
}
