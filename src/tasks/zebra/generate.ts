/**
 * Generates zebra puzzles with exactly one solution and no redundant clue. The solution is drawn first. As
 * long as the clues allow another solution, a true clue that excludes it is added. Finally redundant clues
 * are removed.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { type Clue, type ClueKind, type Column, isTrue, RELATIONS, type ZebraPuzzle } from './puzzle.ts';
import { solve } from './solver.ts';

/** Frequency of each kind of clue in ZebraLogic's own puzzles, in percent. */
const FREQUENCY: Readonly<Record<ClueKind, number>> = {
  at: 11,
  not_at: 12,
  same: 42,
  directly_left: 10,
  left_of: 8,
  right_of: 8,
  adjacent: 4,
  one_between: 3,
  two_between: 2,
};

export interface GeneratedZebra extends ZebraPuzzle {
  /** House of every value. */
  readonly house: Uint8Array;
}

/**
 * Draws a puzzle with these columns.
 *
 * @param kinds - the kinds of clue that may be used
 * @returns undefined if clues of these kinds cannot distinguish the drawn solution from all others, e.g. if
 *   none of the kinds distinguishes left and right
 */
export function drawZebra(
  {
    houses,
    columns,
    kinds,
  }: Pick<ZebraPuzzle, 'houses' | 'columns'> & { readonly kinds: readonly ClueKind[] },
  stream: RandomStream,
): GeneratedZebra | undefined {
  const house = drawSolution(houses, columns, stream);
  const truths = trueClues(house, houses, kinds);
  const clues: Clue[] = [];
  for (;;) {
    const other = solve({ houses, columns, clues }).found.find((found) => !isSame(found, house));
    if (other === undefined) break;
    const clue = drawClue(
      truths.filter((one) => !isTrue(one, other)),
      stream,
    );
    if (clue === undefined) return undefined;
    clues.push(clue);
  }
  return { houses, columns, house, clues: withoutRedundantClues({ houses, columns, clues }, stream) };
}

function drawSolution(houses: number, columns: readonly Column[], stream: RandomStream): Uint8Array {
  return Uint8Array.from(columns.flatMap(() => shuffled([...Array(houses).keys()], stream)));
}

/** Returns all true clues of these kinds. A symmetric relation occurs in both orders of its two values. */
function trueClues(house: Uint8Array, houses: number, kinds: readonly ClueKind[]): Clue[] {
  const clues: Clue[] = [];
  const add = (clue: Clue): void => {
    if (kinds.includes(clue.kind) && isTrue(clue, house)) clues.push(clue);
  };
  for (let value = 0; value < house.length; value++) {
    for (let at = 0; at < houses; at++) {
      add({ kind: 'at', value, house: at });
      add({ kind: 'not_at', value, house: at });
    }
    for (let other = 0; other < house.length; other++)
      if (other !== value) for (const kind of RELATIONS) add({ kind, value, other });
  }
  return clues;
}

/**
 * Draws a kind of clue according to its frequency, then a clue of this kind; undefined if there are no clues.
 */
function drawClue(clues: readonly Clue[], stream: RandomStream): Clue | undefined {
  const kinds = [...new Set(clues.map(({ kind }) => kind))];
  let at = stream.uniform() * kinds.reduce((sum, kind) => sum + FREQUENCY[kind], 0);
  const kind = kinds.find((one) => {
    at -= FREQUENCY[one];
    return at < 0;
  });
  const choices = clues.filter((clue) => clue.kind === (kind ?? kinds.at(-1))); // rounding may leave none
  return choices.length === 0 ? undefined : choices[stream.int(choices.length)];
}

/** Removes redundant clues in random order, and returns the remaining clues in random order. */
function withoutRedundantClues(puzzle: ZebraPuzzle, stream: RandomStream): Clue[] {
  let kept = [...puzzle.clues];
  for (const clue of shuffled(kept, stream)) {
    const clues = kept.filter((one) => one !== clue);
    if (solve({ ...puzzle, clues }).found.length === 1) kept = clues;
  }
  return shuffled(kept, stream);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((house, value) => house === other[value]);
}

/** A copy in random order. */
export function shuffled<T>(items: readonly T[], stream: RandomStream): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const pick = stream.int(last + 1);
    [result[last], result[pick]] = [result[pick] as T, result[last] as T];
  }
  return result;
}
