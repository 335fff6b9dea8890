/**
 * Finds shortest Blocksworld plans by A*. A step of the search is a whole move: lift a block and set it down.
 * States with a block in the hand need not be searched, because facts of the goal become true only when a
 * block is set down. A state is the position of every block. The estimate is the number of blocks that have
 * to move at least once.
 * @module
 */

import { shortestPath } from '../planning/a-star.ts';
import type { Step } from '../planning/strips.ts';
import { onFacts, type Towers } from './domain.ts';

/** For each block, the index of the block below it; -1 for the table. */
type Places = readonly number[];
const TABLE = -1;

interface Puzzle {
  readonly blocks: readonly string[];
  /** For each block, the block that the goal requires below it; undefined if the goal requires none. */
  readonly wanted: readonly (number | undefined)[];
}

/** Moves a block onto another block or onto the table. */
interface Move {
  readonly block: number;
  readonly to: number;
}

/** Maximum number of states that are expanded. Problems with eight blocks need far fewer. */
const DEFAULT_MAX_STATES = 200_000;

/**
 * Returns a plan with the fewest actions.
 *
 * @param problem.start - initial towers, which contain every block once
 * @param problem.wanted - towers to build; the lowest block of each tower may be anywhere
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

/**
 * Returns a lower bound on the number of moves: the number of misplaced blocks, of the blocks that lie on
 * their targets, and of all blocks above these.
 */
function movesLeft({ wanted }: Puzzle, places: Places): number {
  const above = new Map(places.map((under, block) => [under, block]));
  const moves = new Set<number>();
  const lift = (block: number | undefined): void => {
    for (let each = block; each !== undefined; each = above.get(each)) moves.add(each);
  };
  wanted.forEach((under, block) => {
    if (under === undefined || places[block] === under) return;
    lift(block);
    lift(above.get(under)); // the block that now lies on the target has to move too
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
