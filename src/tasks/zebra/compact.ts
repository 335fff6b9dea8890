/**
 * The compact notation of zebra puzzles for character-level models. `3x2;A=2;B<E;C~F:` has 3 houses and 2
 * columns, with the values A, B, C and D, E, F. The answer lists the house of every value, column by column:
 * `#213 132`.
 * @module
 */
import type { Clue, Column, ZebraPuzzle } from './puzzle.ts';
import type { Placement } from './solver.ts';

/** Letters of the values, enough for 6 houses and 6 columns. */
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij';

const SIGNS: Readonly<Record<Clue['kind'], string>> = {
  at: '=',
  not_at: '!',
  same: '=',
  directly_left: '<',
  left_of: '<<',
  right_of: '>>',
  adjacent: '~',
  one_between: '-',
  two_between: '--',
};

/**
 * Returns the set of characters that prompts and answers of puzzles up to the given size can contain, without
 * the answer marker.
 */
export function compactAlphabet(houses: number, columns: number): string {
  return `0123456789x;:=!<>~- ${LETTERS.slice(0, houses * columns)}`;
}

/** Creates columns whose values are letters. */
export function letterColumns(houses: number, columns: number): Column[] {
  return Array.from({ length: columns }, (_, column) => ({
    header: `${column + 1}`,
    values: [...LETTERS.slice(column * houses, (column + 1) * houses)],
  }));
}

export function compactPrompt({ houses, columns, clues }: ZebraPuzzle): string {
  const texts = clues.map((clue) => {
    const right = clue.kind === 'at' || clue.kind === 'not_at' ? `${clue.house + 1}` : LETTERS[clue.other];
    return `${LETTERS[clue.value]}${SIGNS[clue.kind]}${right}`;
  });
  return `${houses}x${columns.length};${texts.join(';')}:`;
}

/** Writes the text after the answer marker: the house of each value, column by column, e.g. `213 132`. */
export function compactAnswer(houses: number, house: ArrayLike<number>): string {
  const digits = Array.from(house, (at) => `${at + 1}`).join('');
  return digits.match(new RegExp(`.{${houses}}`, 'g'))?.join(' ') ?? digits;
}

/**
 * Writes the worked steps: each value with its house, e.g. `A2`, in the order in which the solver places the
 * values.
 */
export function compactSteps(placements: readonly Placement[]): string[] {
  return placements.map(({ value, house }) => `${LETTERS[value]}${house + 1}`);
}

/**
 * Parses an answer into the house of each value. Undefined unless the answer has one house from 1 to `houses`
 * for each value. Whitespace is ignored.
 */
export function readCompactAnswer(
  written: string,
  { houses, columns }: Pick<ZebraPuzzle, 'houses' | 'columns'>,
): Uint8Array | undefined {
  const digits = written.slice(0, 200).replace(/\s/g, '');
  if (digits.length !== houses * columns.length || !new RegExp(`^[1-${houses}]+$`).test(digits))
    return undefined;
  return Uint8Array.from(digits, (digit) => Number(digit) - 1);
}
