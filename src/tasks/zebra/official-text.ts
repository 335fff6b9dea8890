/**
 * Parses and writes puzzles in ZebraLogic's wording, clue by clue.
 * @module
 */
import { excerpt } from '../../grade/verdict.ts';
import { attributeOf, namedBy, phraseFor, sentenceFor } from './catalog.ts';
import type { Clue, Column, Relation, ZebraPuzzle } from './puzzle.ts';

/** Thrown for a puzzle whose text has an unknown form. */
export class UnreadablePuzzle extends Error {}

const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
const IN_HOUSE = `in the (${ORDINALS.join('|')}) house`;

interface RelationForm {
  readonly kind: Relation;
  readonly pattern: RegExp;
  write(value: string, other: string): string;
}

const FORMS: readonly RelationForm[] = [
  {
    kind: 'directly_left',
    pattern: /^(.*) is directly left of (.*)$/,
    write: (value, other) => `${value} is directly left of ${other}`,
  },
  {
    kind: 'left_of',
    pattern: /^(.*) is somewhere to the left of (.*)$/,
    write: (value, other) => `${value} is somewhere to the left of ${other}`,
  },
  {
    kind: 'right_of',
    pattern: /^(.*) is somewhere to the right of (.*)$/,
    write: (value, other) => `${value} is somewhere to the right of ${other}`,
  },
  {
    kind: 'adjacent',
    pattern: /^(.*) and (.*) are next to each other$/,
    write: (value, other) => `${value} and ${other} are next to each other`,
  },
  {
    kind: 'one_between',
    pattern: /^There is one house between (.*) and (.*)$/,
    write: (value, other) => `There is one house between ${value} and ${other}`,
  },
  {
    kind: 'two_between',
    pattern: /^There are two houses between (.*) and (.*)$/,
    write: (value, other) => `There are two houses between ${value} and ${other}`,
  },
];

/**
 * Parses an official puzzle.
 *
 * @param headers - names of the columns, in order; default: the official names of the attributes that the
 *   puzzle's sentences introduce
 * @throws UnreadablePuzzle naming the line that cannot be parsed
 */
export function readPuzzle(text: string, headers?: readonly string[]): ZebraPuzzle {
  const houses = Number(/There are (\d+) houses/.exec(text)?.[1]);
  const [listed = '', clueText = ''] = text.split(/^## Clues:?.*$/m);
  const columns = [...listed.matchAll(/^ - (.*?): (.*)$/gm)].map(([, sentence = '', values = ''], index) =>
    readColumn(sentence, values, headers?.[index]),
  );
  if (!(houses >= 1 && houses <= ORDINALS.length))
    throw new UnreadablePuzzle(`expected a puzzle with 1 to ${ORDINALS.length} houses, got ${excerpt(text)}`);
  if (columns.length === 0 || columns.some(({ values }) => values.length !== houses))
    throw new UnreadablePuzzle(`expected lists of ${houses} values, got ${excerpt(listed, 80)}`);
  const reader = { houses, columns };
  const clues = [...clueText.matchAll(/^\s*\d+\.\s+(.*?)\.?\s*$/gm)].map(([, line = '']) =>
    readClue(line, reader),
  );
  if (clues.length === 0) throw new UnreadablePuzzle('expected numbered clues after "## Clues:", got none');
  return { houses, columns, clues };
}

function readColumn(sentence: string, values: string, given: string | undefined): Column {
  const header = given ?? attributeOf(sentence)?.header;
  if (header === undefined)
    throw new UnreadablePuzzle(`expected a known attribute, got ${excerpt(sentence, 80)}`);
  return { header, values: [...values.matchAll(/`([^`]*)`/g)].map(([, value = '']) => value) };
}

type Reader = Pick<ZebraPuzzle, 'houses' | 'columns'>;

function readClue(line: string, reader: Reader): Clue {
  const placed = new RegExp(`^(.*) is (not )?${IN_HOUSE}$`).exec(line);
  if (placed) {
    const [, phrase = '', not, ordinal = ''] = placed;
    const value = requireValue(phrase, line, reader);
    return { kind: not ? 'not_at' : 'at', value, house: ORDINALS.indexOf(ordinal) };
  }
  for (const { kind, pattern } of FORMS) {
    const match = pattern.exec(line);
    if (!match) continue;
    const [value, other] = [match[1] ?? '', match[2] ?? ''].map((one) => requireValue(one, line, reader));
    return { kind, value: value as number, other: other as number };
  }
  return readSame(line, reader);
}

/**
 * Parses a clue "A is B". Phrases may contain "is", so the clue is split at the first "is" for which both
 * sides refer to a value.
 */
function readSame(line: string, reader: Reader): Clue {
  for (const { index } of line.matchAll(/ is /g)) {
    const value = valueNamed(line.slice(0, index), reader);
    const other = valueNamed(line.slice(index + 4), reader);
    if (value !== undefined && other !== undefined) return { kind: 'same', value, other };
  }
  throw new UnreadablePuzzle(`expected a clue of a known form, got ${excerpt(line, 120)}`);
}

function requireValue(phrase: string, line: string, reader: Reader): number {
  const value = valueNamed(phrase, reader);
  if (value === undefined)
    throw new UnreadablePuzzle(
      `expected "${phrase}" to name one value of the puzzle, in ${excerpt(line, 120)}`,
    );
  return value;
}

/**
 * Returns the value to which a phrase refers: by the table of phrases, or else the only value whose words all
 * occur in the phrase.
 */
function valueNamed(phrase: string, { houses, columns }: Reader): number | undefined {
  const named = namedBy(phrase);
  const candidates: number[] = [];
  for (const [column, { header, values }] of columns.entries())
    for (const [index, value] of values.entries()) {
      if (named && named[0] === header && named[1] === value.toLowerCase()) return column * houses + index;
      if (hasWords(phrase, value)) candidates.push(column * houses + index);
    }
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** Whether the first five letters of every word of a value start a word of the phrase. */
function hasWords(phrase: string, value: string): boolean {
  const words = wordsOf(phrase);
  return wordsOf(value).every((word) => words.some((other) => other.startsWith(word.slice(0, 5))));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Writes a puzzle in ZebraLogic's wording. Every value must be in the catalog. */
export function puzzleText({ houses, columns, clues }: ZebraPuzzle): string {
  const lists = columns.map(
    ({ header, values }) =>
      ` - ${sentenceFor(header)}: ${values.map((value) => `\`${value}\``).join(', ')}\n`,
  );
  const lines = clues.map((clue, index) => `${index + 1}. ${clueText(clue, { houses, columns })}\n`);
  return (
    `There are ${houses} houses, numbered 1 to ${houses} from left to right, as seen from across the street. ` +
    'Each house is occupied by a different person. Each house has a unique attribute for each of the following ' +
    `characteristics:\n${lists.join('')}\n## Clues:\n${lines.join('')}`
  );
}

/** A clue as a sentence. */
export function clueText(clue: Clue, { houses, columns }: Reader): string {
  const phrase = (value: number): string => {
    const { header, values } = columns[Math.floor(value / houses)] as Column;
    // the phrase is defined, because all values are in the catalog
    return phraseFor(header, values[value % houses] as string) as string;
  };
  const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  const value = phrase(clue.value);
  if (clue.kind === 'at' || clue.kind === 'not_at') {
    const not = clue.kind === 'at' ? '' : 'not ';
    return sentence(`${value} is ${not}in the ${ORDINALS[clue.house]} house`);
  }
  const other = phrase(clue.other);
  const form = FORMS.find(({ kind }) => kind === clue.kind);
  return sentence(form ? form.write(value, other) : `${value} is ${other}`);
}
