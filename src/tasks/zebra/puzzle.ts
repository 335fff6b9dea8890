/**
 * A zebra puzzle in abstract form: houses in a row; columns of values, of which every house has one per
 * column; and clues about the houses of values. The official text, the compact text, the solver and the
 * generator use this form.
 * @module
 */

/** Relations between the houses of two values, ordered by their frequency in ZebraLogic's puzzles. */
export const RELATIONS = [
  'same',
  'directly_left',
  'left_of',
  'right_of',
  'adjacent',
  'one_between',
  'two_between',
] as const;
export type Relation = (typeof RELATIONS)[number];

export const CLUE_KINDS = ['at', 'not_at', ...RELATIONS] as const;
export type ClueKind = (typeof CLUE_KINDS)[number];

/**
 * A clue. Values are numbered consecutively: value i of column j is j * houses + i. Houses are numbered from
 * 0.
 */
export type Clue =
  | { readonly kind: 'at'; readonly value: number; readonly house: number }
  | { readonly kind: 'not_at'; readonly value: number; readonly house: number }
  | { readonly kind: Relation; readonly value: number; readonly other: number };

export interface Column {
  readonly header: string;
  readonly values: readonly string[];
}

export interface ZebraPuzzle {
  readonly houses: number;
  readonly columns: readonly Column[];
  readonly clues: readonly Clue[];
}

/** Whether the distance `house(other) - house(value)` satisfies a relation. */
export function fits(relation: Relation, distance: number): boolean {
  switch (relation) {
    case 'same':
      return distance === 0;
    case 'directly_left':
      return distance === 1;
    case 'left_of':
      return distance > 0;
    case 'right_of':
      return distance < 0;
    case 'adjacent':
      return Math.abs(distance) === 1;
    case 'one_between':
      return Math.abs(distance) === 2;
    case 'two_between':
      return Math.abs(distance) === 3;
  }
}

/** Whether a clue is true. @param house - the house of every value */
export function isTrue(clue: Clue, house: ArrayLike<number>): boolean {
  const at = house[clue.value] as number;
  if (clue.kind === 'at') return at === clue.house;
  if (clue.kind === 'not_at') return at !== clue.house;
  return fits(clue.kind, (house[clue.other] as number) - at);
}

/**
 * Returns the canonical key of a puzzle. The key does not depend on the order of columns, values and clues.
 * The clues "A is right of B" and "B is left of A" have the same key.
 */
export function puzzleKey({ houses, columns, clues }: ZebraPuzzle): string {
  const name = (value: number): string => {
    const { header, values } = columns[Math.floor(value / houses)] as Column;
    return `${header}:${values[value % houses]}`.toLowerCase();
  };
  const clueKey = (clue: Clue): string => {
    if (clue.kind === 'at' || clue.kind === 'not_at') return `${clue.kind} ${name(clue.value)} ${clue.house}`;
    const pair = [name(clue.value), name(clue.other)];
    if (clue.kind === 'right_of') return `left_of ${pair.reverse().join(' ')}`;
    const isOrdered = clue.kind === 'left_of' || clue.kind === 'directly_left';
    return `${clue.kind} ${(isOrdered ? pair : pair.sort()).join(' ')}`;
  };
  const listed = columns.map(({ header, values }) =>
    `${header}:${[...values].sort().join(',')}`.toLowerCase(),
  );
  return [...listed.sort(), ...new Set(clues.map(clueKey).sort())].join(';');
}

/** ZebraLogic's size groups of puzzles, by houses x columns. */
const GROUPS: readonly (readonly [group: string, sizes: string])[] = [
  ['small', '2x2 2x3 2x4 2x5 2x6 3x2 3x3 4x2'],
  ['medium', '3x4 3x5 3x6 4x3 4x4 5x2 6x2'],
  ['large', '4x5 4x6 5x3 5x4 6x3'],
];

/** Returns the size group: `small`, `medium`, `large` or `xl`. */
export function sizeGroup(houses: number, columns: number): string {
  return GROUPS.find(([, sizes]) => sizes.split(' ').includes(`${houses}x${columns}`))?.[0] ?? 'xl';
}
