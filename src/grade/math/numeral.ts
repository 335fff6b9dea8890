/**
 * Parses written numbers: thousands separators of all styles, decimal points, decimal commas.
 * @module
 */
import { type Rational, rational } from '../rational.ts';
import { WorkBudgetExceeded } from './work-budget.ts';

/**
 * Meaning of a comma before three digits: `1,234` may be one number or a list of two numbers. The text does
 * not decide this, so all plausible readings are compared.
 */
export type CommaReading = 'thousands' | 'list';

/** Maximum number of digits of a number. Longer numbers are never answers. */
const MAX_DIGITS = 1000;

/** Unambiguous thousands separators: `{,}`, `,\!`, `\,`, `\ ` and spaces between groups of three digits. */
const GROUP_SIGN = /^(?:\s*\{\s*,\s*\}\s*|,\s*\\!\s*|\\[,!;:]\s*|\\?\s)(?=\d{3}(?!\d))/;
const GROUP_COMMA = /^,(?=\d{3}(?!\d))/;

export interface WrittenNumber {
  /** Digits with at most one decimal point, e.g. `1234.50`; empty when the text has no number. */
  readonly digits: string;
  /** Number of characters of the text that the number takes. */
  readonly length: number;
}

/**
 * Reads the number that starts at offset `start`. A point without a digit after it ends the sentence and is
 * skipped.
 */
export function readNumber(text: string, start: number, comma: CommaReading): WrittenNumber {
  let at = digitsEnd(text, start);
  let digits = text.slice(start, at);
  if (digits.length >= 1 && digits.length <= 3 && !digits.startsWith('0'))
    for (;;) {
      const window = text.slice(at, at + 16);
      const [sign] =
        GROUP_SIGN.exec(window) ?? (comma === 'thousands' ? GROUP_COMMA.exec(window) : null) ?? [];
      if (sign === undefined || digits.length > MAX_DIGITS) break;
      digits += text.slice(at + sign.length, at + sign.length + 3);
      at += sign.length + 3;
    }
  const point = text[at];
  if (point === '.') {
    const end = digitsEnd(text, at + 1);
    // in `0.\overline{3}` and `0.\dot{3}` the point is part of the number, although a command follows it
    const repeats = text.startsWith('\\overline', at + 1) || text.startsWith('\\dot{', at + 1);
    if (end > at + 1 || (repeats && digits !== '')) {
      digits = `${digits || '0'}.${text.slice(at + 1, end)}`;
      at = end;
    } else if (digits !== '' && !text.startsWith('..', at)) at++;
  }
  if (digits.length > MAX_DIGITS) throw new WorkBudgetExceeded('the answer has a number that is too large');
  return { digits, length: at - start };
}

function digitsEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++;
  return at;
}

/**
 * Rewrites a number with a decimal comma as one with a decimal point: `0,5`, `1 234,5`, `1.234,5`, `1,25`.
 *
 * @returns undefined for texts that more likely mean something else: `3,4` is a pair, `1,234` has a thousands
 *   separator
 */
export function withDecimalPoint(text: string): string | undefined {
  const [, sign = '', whole = '', decimals = ''] =
    /^\s*(-?)(\d+|\d{1,3}(?:[ .]\d{3})+),(\d+)\s*$/.exec(text) ?? [];
  const isClear = whole === '0' || /[ .]/.test(whole) || (decimals.length > 1 && decimals.length !== 3);
  return decimals !== '' && isClear ? `${sign}${whole.replace(/[ .]/g, '')}.${decimals}` : undefined;
}

/** Multiplies a decimal by 10^places, e.g. `2.5` with 3 places gives `2500`. */
export function withPointMoved(digits: string, places: number): string {
  const [whole = '', decimals = ''] = digits.split('.');
  const point = whole.length + places;
  const all = `${whole}${decimals}`.padEnd(point, '0');
  const [left, at] = point > 0 ? [all, point] : [`${'0'.repeat(1 - point)}${all}`, 1];
  return at < left.length ? `${left.slice(0, at)}.${left.slice(at)}` : left;
}

/** Returns the value of digits with at most one decimal point. */
export function decimalValue(digits: string): Rational {
  const [whole = '', decimals = ''] = digits.split('.');
  return rational(BigInt(`${whole}${decimals}` || '0'), 10n ** BigInt(decimals.length)) as Rational; // a power of 10 is not 0
}

/**
 * Returns the value of a repeating decimal: the digits, followed by `repeated` without end. `0.1` and `6`
 * give 1/6.
 */
export function repeatingValue(digits: string, repeated: string): Rational {
  const [whole = '', decimals = ''] = digits.split('.');
  const shift = 10n ** BigInt(decimals.length);
  const nines = 10n ** BigInt(repeated.length) - 1n;
  const value = BigInt(`${whole}${decimals}` || '0') * nines + BigInt(repeated);
  // callers pass at least one repeated digit, so the denominator is not 0
  return rational(value, shift * nines) as Rational;
}
