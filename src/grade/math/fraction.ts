/**
 * Exact values as quotients of two {@link Polynomial}s, and their arithmetic.
 * @module
 */
import { integer, multiply, type Rational, rational } from '../rational.ts';
import {
  type Atom,
  isDecisive,
  minus,
  monomialIn,
  normalMonomial,
  ONE,
  ofPowers,
  type Polynomial,
  plus,
  polynomialKey,
  rationalOf,
  times,
} from './polynomial.ts';
import type { WorkBudget } from './work-budget.ts';

/** The quotient `over` / `under`; `under` is 1 or has several monomials. */
export interface Fraction {
  readonly over: Polynomial;
  readonly under: Polynomial;
}

/** Whether a = b by exact arithmetic; undefined when exact arithmetic cannot decide. */
export function sameFraction(a: Fraction, b: Fraction, work: WorkBudget): boolean | undefined {
  const difference = minus(times(a.over, b.under, work), times(b.over, a.under, work), work);
  if (difference.size === 0) return true;
  return isDecisive(difference) ? false : undefined;
}

/** Returns the value as a rational number; undefined if it is not represented as one. */
export function rationalValue(value: Fraction | undefined): Rational | undefined {
  return value && value.under === ONE ? rationalOf(value.over) : undefined;
}

export function whole(over: Polynomial): Fraction {
  return { over, under: ONE };
}

/** Returns the value of the letter, or of another atom, with the given key. */
export function letter(key: string, atom: Atom = { key, type: 'letter' }): Fraction {
  return whole(ofPowers(integer(1), [{ atom, exponent: integer(1) }]));
}

/** Returns a power of a value about which only its key is known. */
export function opaque(key: string, exponent: Rational = integer(1)): Fraction {
  return whole(ofPowers(integer(1), [{ atom: { key, type: 'opaque' }, exponent }]));
}

export function sumOf(a: Fraction, b: Fraction, work: WorkBudget): Fraction {
  if (a.under === ONE && b.under === ONE) return whole(plus(a.over, b.over, work));
  const over = plus(times(a.over, b.under, work), times(b.over, a.under, work), work);
  return { over, under: times(a.under, b.under, work) };
}

export function productOf(a: Fraction, b: Fraction, work: WorkBudget): Fraction {
  const over = times(a.over, b.over, work);
  if (a.under === ONE && b.under === ONE) return whole(over);
  return { over, under: times(a.under, b.under, work) };
}

/**
 * Returns a / b. If b has a single monomial, it is divided out with negative exponents. @returns undefined
 * when b is 0
 */
export function quotientOf(a: Fraction, b: Fraction, work: WorkBudget): Fraction | undefined {
  if (b.over.size === 0) return undefined;
  const over = times(a.over, b.under, work);
  const monomial = monomialIn(b.over);
  if (!monomial) return { over, under: times(a.under, b.over, work) };
  const { numerator, denominator } = monomial.coefficient;
  const powers = monomial.powers.map(({ atom, exponent }) => ({
    atom,
    exponent: multiply(exponent, integer(-1)),
  }));
  // the reciprocal is defined, because no monomial has coefficient 0
  const factor = rational(denominator, numerator) as Rational;
  const inverse = normalMonomial(factor, powers, work);
  return { over: times(over, inverse, work), under: a.under };
}

export function fractionKey({ over, under }: Fraction): string {
  return under === ONE ? `[${polynomialKey(over)}]` : `[${polynomialKey(over)}]/[${polynomialKey(under)}]`;
}
