/**
 * Parses units and other words after a value, in text commands or as plain text.
 * @module
 */
import type { Node } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { FUNCTIONS, SCALES } from './notation.ts';
import { jointOf } from './parse-text.ts';
import type { Token } from './tokenizer.ts';
import { isUnitWord, readUnit } from './unit.ts';

/** Creates a quantity of a value and its unit. After a percent or degree sign further words are dropped. */
export function withUnit(value: Node, unit: string): Node {
  if (value.kind !== 'quantity') return { kind: 'quantity', value, unit };
  return value.unit === 'percent' || value.unit === 'degree'
    ? value
    : { ...value, unit: `${value.unit} ${unit}` };
}

/**
 * Takes the words that follow the factors of a term: `cm`, `square inches`, `apples`. A number word such as
 * `million` is appended to the factors instead. @returns undefined if no words follow
 */
export function takeUnit(cursor: Cursor, factors: Node[]): string | undefined {
  const token = cursor.peek();
  if (cursor.sign() === '#$' && !isNumberNext(cursor)) {
    cursor.take();
    return 'dollar';
  }
  const postfix = cursor.sign();
  if (postfix === '%' || postfix === 'degree') {
    cursor.take();
    return postfix === '%' ? 'percent' : 'degree';
  }
  const quotient = takeUnitFraction(cursor);
  if (quotient !== undefined) return quotient;
  if (token?.kind === 'text') {
    if (jointOf(token) !== undefined) return undefined;
    cursor.take();
    return scaled(token.text.trim().toLowerCase(), factors)
      ? takeUnit(cursor, factors)
      : token.text + unitPower(cursor);
  }
  const last = factors.at(-1);
  if (token?.kind !== 'word' || !last || !isValue(last)) return undefined;
  if (scaled(token.text.toLowerCase(), factors)) {
    cursor.take();
    return takeUnit(cursor, factors);
  }
  if (!isUnitToken(cursor, token)) return undefined;
  let unit = '';
  for (let next = cursor.peek(); next !== undefined; next = cursor.peek()) {
    if (
      next.kind === 'word' &&
      (unit === '' || isUnitWord(next.text) || /^(per|squared|cubed)$/.test(next.text))
    ) {
      cursor.take();
      unit += ` ${next.text}${unitPower(cursor)}`;
    } else if (next.kind === 'sign' && next.text === '/' && isUnitNext(cursor)) {
      cursor.take();
      unit += ' /';
    } else break;
  }
  return unit;
}

/**
 * Parses a fraction of units, e.g. `\frac{\text{km}}{\text{h}}` as `km / h`. Takes no token when the fraction
 * is not a unit.
 */
function takeUnitFraction(cursor: Cursor): string | undefined {
  if (!/^[dtc]?frac$/.test(cursor.command() ?? '')) return undefined;
  const [over, under] = [cursor.peek(2), cursor.peek(5)];
  const isPair = over?.kind === 'text' && under?.kind === 'text';
  const isBraced = [1, 3, 4, 6].every((at, i) => cursor.sign(at) === '{}'[i % 2]);
  if (!isPair || !isBraced || ![over, under].every(({ text }) => readUnit(text))) return undefined;
  for (let i = 0; i < 7; i++) cursor.take();
  return `${over.text} / ${under.text}`;
}

function isNumberNext(cursor: Cursor): boolean {
  const next = cursor.peek(1);
  return next?.kind === 'number' || next?.kind === 'command';
}

function isUnitNext(cursor: Cursor): boolean {
  const next = cursor.peek(1);
  return next?.kind === 'word' && isUnitWord(next.text);
}

/**
 * Whether a word without a text command is a unit: it names a unit, or it is too long to be a product of
 * letters.
 */
function isUnitToken(cursor: Cursor, token: Token & { readonly kind: 'word' }): boolean {
  const { text } = token;
  if (text.length < 2) return false;
  const isLast = cursor.peek(1) === undefined;
  if (FUNCTIONS.has(text)) return isLast && isUnitWord(text);
  if (isUnitWord(text)) return true;
  return token.space && (text.length >= MIN_WORD_LENGTH || text === 'per');
}

const MIN_WORD_LENGTH = 4;

function isValue({ kind }: Node): boolean {
  return kind !== 'symbol' && kind !== 'text' && kind !== 'constant';
}

/**
 * If the word is a number word such as `million`, appends its value to the factors. @returns whether it is
 * one
 */
function scaled(word: string, factors: Node[]): boolean {
  const scale = SCALES.get(word);
  if (scale === undefined) return false;
  factors.push({ kind: 'number', value: { numerator: scale, denominator: 1n } });
  return true;
}

/** Parses the exponent of a unit, `^2` or `^{2}`, as text. */
function unitPower(cursor: Cursor): string {
  if (cursor.sign() !== '^') return '';
  const braced = cursor.sign(1) === '{';
  const token = cursor.peek(braced ? 2 : 1);
  if (token?.kind !== 'number') return '';
  for (let i = 0; i < (braced ? 4 : 2); i++) if (!cursor.atEnd) cursor.take();
  return `^${token.digits}`;
}
