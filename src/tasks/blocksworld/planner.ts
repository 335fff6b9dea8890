/**
 * Shortest Blocksworld plans by A* over whole moves (lift a block, set it down): a shortest plan ends with
 * setting a block down, because only that makes a fact of the goal true, so no state with a full hand has to
 * be visited between moves. States are cut at every block's place, and the bound counts blocks that have to
 * move at least once.
 * @module
 */

import { shorvalidationPath } from '../planning/a-star.ts';
import type { Step } from '../planning/strips.ts';
import { onFacts, type Towers } from './domain.ts';

/** What each block stands on; the table is -1. */
type Places = readonly number[];
const TABLE = -1;

interface Puzzle {
  readonly blocks: readonly string[];
  /** Where the goal wants a block; undefined: anywhere. */
  readonly wanted: readonly (number | undefined)[];
}

/** A block, and where it goes. */
interface Move {
  readonly block: number;
  readonly to: number;
}

/** States taken up before the search gives up; eight blocks need far fewer. */
const DEFAULT_MAX_STATES = 200_000;

/**
 * A plan with the fewest actions.
 *
 * @param start - towers at the beginning, every block once
 * @param wanted - towers to build; the lowest block of each may stand anywhere
 * @returns undefined if the search was given up after `maxStates` states, or no plan exists
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
  if (!put(wanted, goal)) return undefined; // the goal names a block that is not there
  const puzzle: Puzzle = { blocks, wanted: goal };
  return shorvalidationPath<Places, Move>({
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

/** Blocks that have to move at least once: the misplaced, what they have to make room for, and all above these. */
function movesLeft({ wanted }: Puzzle, places: Places): number {
  const above = new Map(places.map((under, block) => [under, block]));
  const moves = new Set<number>();
  const lift = (block: number | undefined): void => {
    for (let each = block; each !== undefined; each = above.get(each)) moves.add(each);
  };
  wanted.forEach((under, block) => {
    if (under === undefined || places[block] === under) return;
    lift(block);
    lift(above.get(under)); // whatever stands there now
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
