import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { letterColumns } from './compact.ts';
import { drawZebra } from './generate.ts';
import { type Clue, isTrue, puzzleKey, RELATIONS, sizeGroup, type ZebraPuzzle } from './puzzle.ts';
import { solve } from './solver.ts';

const puzzle = (houses: number, columns: number, clues: readonly Clue[]): ZebraPuzzle => ({
  houses,
  columns: letterColumns(houses, columns),
  clues,
});

/** Returns all assignments of values to houses that satisfy the clues, by brute force. */
function* arrangements(houses: number, columns: number): Generator<number[]> {
  const orders = (left: number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((one) => orders(left.filter((x) => x !== one)).map((r) => [one, ...r]));
  if (columns === 0) yield [];
  else
    for (const first of orders([...Array(houses).keys()]))
      for (const rest of arrangements(houses, columns - 1)) yield [...first, ...rest];
}

const anyClue = (values: number, houses: number): fc.Arbitrary<Clue> =>
  fc.oneof(
    fc.record({
      kind: fc.constantFrom('at' as const, 'not_at' as const),
      value: fc.nat(values - 1),
      house: fc.nat(houses - 1),
    }),
    fc
      .record({ kind: fc.constantFrom(...RELATIONS), value: fc.nat(values - 1), other: fc.nat(values - 1) })
      .filter(({ value, other }) => value !== other),
  );

describe('solve', () => {
  it('solves the puzzle of the official example by deduction', () => {
    // values 0 to 5: Peter, Eric, Arnold; tea, water, milk
    const clues: Clue[] = [
      { kind: 'at', value: 0, house: 1 },
      { kind: 'directly_left', value: 2, other: 4 },
      { kind: 'directly_left', value: 4, other: 5 },
    ];
    const { found, trials, placements } = solve(puzzle(3, 2, clues));
    expect(found.map((one) => [...one])).toEqual([[1, 2, 0, 0, 1, 2]]);
    expect(trials).toBe(0);
    expect(placements).toHaveLength(6);
    for (const { value, house } of placements) expect(found[0]?.[value]).toBe(house);
  });

  it('finds the same solutions as brute force, up to the limit', () => {
    fc.assert(
      fc.property(
        fc.constantFrom([3, 2], [2, 3], [4, 1], [4, 2]).chain(([houses, columns]) =>
          fc.record({
            size: fc.constant([houses as number, columns as number] as const),
            clues: fc.array(anyClue((houses as number) * (columns as number), houses as number), {
              maxLength: 6,
            }),
          }),
        ),
        ({ size: [houses, columns], clues }) => {
          const all = [...arrangements(houses, columns)].filter((one) =>
            clues.every((clue) => isTrue(clue, one)),
          );
          const { found, placements } = solve(puzzle(houses, columns, clues), { limit: 1000 });
          const text = (ones: readonly ArrayLike<number>[]) =>
            ones.map((one) => Array.from(one).join('')).sort();
          expect(text(found)).toEqual(text(all));
          expect(solve(puzzle(houses, columns, clues)).found).toHaveLength(Math.min(2, all.length));
          if (all.length > 0) expect(placements).toHaveLength(houses * columns);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('drawZebra', () => {
  it('draws puzzles with one solution and without redundant clues', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 2, max: 4 }),
        fc.nat(1e6),
        (houses, columns, k) => {
          const drawn = drawZebra(
            { houses, columns: letterColumns(houses, columns), kinds: ['at', 'not_at', ...RELATIONS] },
            randomStream(k),
          );
          if (!drawn) throw new Error('expected a puzzle');
          expect(solve(drawn).found).toEqual([drawn.house]);
          for (const clue of drawn.clues) {
            expect(isTrue(clue, drawn.house)).toBe(true);
            const clues = drawn.clues.filter((one) => one !== clue);
            expect(solve({ ...drawn, clues }).found.length).toBe(2);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is undefined if the kinds of clue cannot distinguish a solution from its mirror image', () => {
    const draw = (k: number) =>
      drawZebra({ houses: 3, columns: letterColumns(3, 2), kinds: ['adjacent', 'same'] }, randomStream(k));
    expect(Array.from({ length: 5 }, (_, k) => draw(k))).toEqual(Array(5).fill(undefined));
  });
});

describe('puzzleKey', () => {
  it('does not depend on the order of values or on the direction of a clue', () => {
    const one = puzzle(3, 2, [
      { kind: 'left_of', value: 0, other: 4 },
      { kind: 'adjacent', value: 1, other: 5 },
    ]);
    const other: ZebraPuzzle = {
      houses: 3,
      columns: [
        { header: '2', values: ['F', 'E', 'D'] },
        { header: '1', values: ['A', 'B', 'C'] },
      ],
      clues: [
        { kind: 'adjacent', value: 0, other: 4 },
        { kind: 'right_of', value: 1, other: 3 },
      ],
    };
    expect(puzzleKey(other)).toBe(puzzleKey(one));
    const mirrored = {
      ...one,
      clues: [{ kind: 'left_of', value: 4, other: 0 } as const, ...one.clues.slice(1)],
    };
    expect(puzzleKey(mirrored)).not.toBe(puzzleKey(one));
  });
});

it('sorts sizes into the official groups', () => {
  const groups = ['2x6', '3x3', '4x2', '3x4', '6x2', '4x5', '6x3', '5x5', '6x6'].map((size) => {
    const [houses, columns] = size.split('x').map(Number) as [number, number];
    return sizeGroup(houses, columns);
  });
  expect(groups).toEqual(['small', 'small', 'small', 'medium', 'medium', 'large', 'large', 'xl', 'xl']);
});
