/**
 * Extracts the final number of a worked solution in canonical form, so that `1/2`, `0.50` and `\frac{1}{2}`
 * are equal, and `1,000` equals `$1000.00`.
 * @see GSM8K, Cobbe et al. 2021, arXiv:2110.14168: the answer follows `####`
 * @module
 */
import { formatRational, type Rational, rational } from './rational.ts';

const MARKER = '####';

/**
 * Returns the final number of a text as an exact fraction in lowest terms. It is the first of these that
 * exists: the first number after the last `####`, on the same line; the last number inside the last
 * `\boxed{...}`; the last number of the text.
 *
 * Recognized numbers: integers and decimals, with thousands separators and a currency sign, fractions `3/4`,
 * mixed numbers `1 1/2`, LaTeX `\frac{3}{4}`. A percent sign or a unit after the number is ignored: `50%` is
 * 50.
 *
 * @returns e.g. `18`, `-7/2`; undefined when the text has no number. Never throws
 *
 * @example
 * extractNumber('She makes 9 * 2 = $<<9*2=18>>18.\n#### 18'); // => '18'
 */
export function extractNumber(text: string): string | undefined {
  const marked = text.lastIndexOf(MARKER);
  const line =
    marked < 0
      ? ''
      : text
          .slice(marked + MARKER.length)
          .trimStart()
          .split('\n', 1)[0];
  const number = numbersIn(line)[0] ?? numbersIn(lastBoxed(text)).at(-1) ?? numbersIn(text).at(-1);
  return number && formatRational(number);
}

const SIGN = '[-+−]';
const CURRENCY = '(?:\\\\?\\$|[€£¥₹])';
const WHOLE = '(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)';
/**
 * Matches a number. Groups: sign, sign after the currency, integer part of a mixed number, number or
 * numerator, denominator. A sign directly after a digit, letter or closing bracket is an operator: `16-3`
 * ends in 3.
 */
const NUMBER = new RegExp(
  `((?<![\\w)])${SIGN})?(?:${CURRENCY}(${SIGN})?)?(?:(${WHOLE}) +(?=${WHOLE}/))?` +
    `(${WHOLE}(?:\\.[0-9]+)?|\\.[0-9]+)(?:/(${WHOLE}))?`,
  'g',
);

/**
 * Maximum number of characters of a number. Longer numbers are ignored: they are never answers and slow to
 * reduce.
 */
const MAX_NUMBER_LENGTH = 200;

/**
 * Returns all numbers of the text, in order. Matches that are too long or have no value (`1/0`) are skipped.
 */
function numbersIn(text: string): Rational[] {
  return [...plainText(text).matchAll(NUMBER)].flatMap((match) => {
    const number = match[0].length > MAX_NUMBER_LENGTH ? undefined : numberOf(match);
    return number === undefined ? [] : [number];
  });
}

function numberOf(match: RegExpExecArray): Rational | undefined {
  const [, sign, innerSign, whole = '0', number, denominator = '1'] = match;
  const [integerPart, decimals = ''] = number.replaceAll(',', '').split('.');
  const negative = (sign ?? innerSign ?? '+') !== '+';
  const below = digits(denominator) * 10n ** BigInt(decimals.length);
  const above = digits(whole) * below + BigInt(`${integerPart}${decimals}`);
  return rational(negative ? -above : above, below);
}

function digits(text: string): bigint {
  return BigInt(text.replaceAll(',', ''));
}

/**
 * Removes LaTeX spacing inside numbers and rewrites `\frac{a}{b}` as `a/b`, or as ` a/b` of a mixed number
 * directly after a number.
 */
function plainText(text: string): string {
  return text
    .replaceAll('{,}', ',')
    .replace(/\\[,!;] */g, '')
    .replace(/([0-9] ?)?\\[dt]?frac\{ *(-?[0-9.,]+) *\}\{ *([0-9,]+) *\}/g, (_, before, above, below) =>
      before === undefined ? `${above}/${below}` : `${before} ${above}/${below}`,
    );
}

/** Returns the content of the last `\boxed{...}`; '' when there is none or its braces do not close. */
function lastBoxed(text: string): string {
  const opening = '\\boxed{';
  const start = text.lastIndexOf(opening);
  if (start < 0) return '';
  let depth = 1;
  for (let at = start + opening.length; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}') depth--;
    if (depth === 0) return text.slice(start + opening.length, at);
  }
  return '';
}
