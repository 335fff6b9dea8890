/**
 * Exact rational arithmetic on unbounded integers. Verifiers compare exact values, so that rounding errors
 * never decide a verdict.
 * @module
 */

/**
 * The number numerator / denominator in lowest terms with denominator > 0. Equal numbers have equal fields.
 */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Returns numerator / denominator in lowest terms. @returns undefined when the denominator is 0 */
export function rational(numerator: bigint, denominator: bigint): Rational | undefined {
  if (denominator === 0n) return undefined;
  const divisor = gcd(numerator, denominator) * (denominator < 0n ? -1n : 1n);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

export function integer(value: bigint | number): Rational {
  return { numerator: BigInt(value), denominator: 1n };
}

export function add(a: Rational, b: Rational): Rational {
  return reduced(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);
}

export function subtract(a: Rational, b: Rational): Rational {
  return add(a, negate(b));
}

export function multiply(a: Rational, b: Rational): Rational {
  return reduced(a.numerator * b.numerator, a.denominator * b.denominator);
}

/** Returns a / b. @returns undefined when b is 0 */
export function divide(a: Rational, b: Rational): Rational | undefined {
  return rational(a.numerator * b.denominator, a.denominator * b.numerator);
}

export function negate(a: Rational): Rational {
  return { numerator: -a.numerator, denominator: a.denominator };
}

export function equal(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

/**
 * Writes a number as canonical text: `-7`, `3/4`.
 *
 * @example
 * formatRational({ numerator: 3n, denominator: 4n }); // => '3/4'
 */
export function formatRational({ numerator, denominator }: Rational): string {
  return denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;
}

/** Reduces a fraction whose denominator is not 0. */
function reduced(numerator: bigint, denominator: bigint): Rational {
  const divisor = gcd(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

/** Returns the greatest common divisor. It is > 0 unless both numbers are 0. */
function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}
