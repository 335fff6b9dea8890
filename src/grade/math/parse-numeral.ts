/**
 * Parses numerals with an explicit base: `52_8`, `(1001)_{2}`, `3B_{12}`, `\text{A5}_{11}`, `101_{\text{two}}`.
 * @module
 */
import type { Node } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { numberWord } from './notation.ts';
import { scriptText } from './subscript.ts';

/** Parses digits with a base in the subscript. @returns undefined, with no token taken, for other tokens */
export function parseNumeral(cursor: Cursor): Node | undefined {
  const isBracketed = cursor.sign() === '(';
  let digits = '';
  let at = isBracketed ? 1 : 0;
  for (; ; at++) {
    const part = digitsOf(cursor, at, digits === '');
    if (part === undefined) break;
    digits += part;
  }
  if (isBracketed && cursor.sign(at++) !== ')') return undefined;
  if (cursor.sign(at) !== '_' || !/\d/.test(digits)) return undefined;
  const base = baseAt(cursor, at + 1);
  if (base === undefined || (base !== 16 && /[a-z]/.test(digits))) return undefined;
  for (; at >= 0; at--) cursor.take();
  scriptText(cursor);
  return { kind: 'numeral', digits: digits.toUpperCase().replace(/^0+(?=.)/, ''), base };
}

/**
 * Returns the digits of one token. Upper-case letters and a to f are digits; in a text command all letters
 * are digits.
 */
function digitsOf(cursor: Cursor, at: number, isFirst: boolean): string | undefined {
  const token = cursor.peek(at);
  if (token === undefined || (!isFirst && token.space)) return undefined;
  if (token.kind === 'text') return /^[0-9A-Za-z]+$/.test(token.text) ? token.text.toUpperCase() : undefined;
  const text = token.kind === 'number' ? token.digits : token.kind === 'word' ? token.text : '';
  return /^[0-9A-Za-f]+$/.test(text) ? text : undefined;
}

/** Returns the base in the subscript `at` tokens ahead: a number or a number word, with or without braces. */
function baseAt(cursor: Cursor, at: number): number | undefined {
  const isBraced = cursor.sign(at) === '{';
  const token = cursor.peek(isBraced ? at + 1 : at);
  if (isBraced && cursor.sign(at + 2) !== '}') return undefined;
  const text = token?.kind === 'number' ? token.digits : token?.kind === 'text' ? token.text.trim() : '';
  const base = /^\d{1,2}$/.test(text) ? Number(text) : numberWord(text);
  return base !== undefined && base >= 2 && base <= 36 ? base : undefined;
}
