/**
 * Exact division of polynomials in letters, so that (x²-1)/(x-1) is written as x+1.
 * @module
 */
import { divide, integer, type Rational, subtract } from '../rational.ts';
import type { Fraction } from './fraction.ts';
import {
  type Monomial,
  minus,
  ONE,
  ofPowers,
  type Polynomial,
  type Power,
  plus,
  times,
  ZERO,
} from './polynomial.ts';
import type { WorkBudget } from './work-budget.ts';

/**
 * Divides `over` by `under` by polynomial long division and returns the quotient.
 *
 * @returns undefined if there is a remainder, or if an atom is not a letter with positive integer exponents
 * @throws WorkBudgetExceeded
 */
export function exactQuotient({ over, under }: Fraction, work: WorkBudget): Polynomial | undefined {
  if (under === ONE) return over;
  if (![...over.values(), ...under.values()].every(isWhole)) return undefined;
  const divisor = leading(under);
  let rest = over;
  let quotient = ZERO;
  while (rest.size > 0) {
    const next = divisor && monomialQuotient(leading(rest) as Monomial, divisor); // rest has monomials
    if (!next) return undefined;
    quotient = plus(quotient, next, work);
    rest = minus(rest, times(next, under, work), work);
  }
  return quotient;
}

function isWhole({ powers }: Monomial): boolean {
  return powers.every(
    ({ atom, exponent }) => atom.type === 'letter' && exponent.denominator === 1n && exponent.numerator > 0n,
  );
}

/** Returns the greatest monomial in the lexicographic order of the letters. */
function leading(polynomial: Polynomial): Monomial | undefined {
  let greatest: Monomial | undefined;
  for (const monomial of polynomial.values())
    if (!greatest || isGreater(monomial.powers, greatest.powers)) greatest = monomial;
  return greatest;
}

function isGreater(a: readonly Power[], b: readonly Power[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i], b[i]];
    if (!y || x.atom.key < y.atom.key) return true;
    if (x.atom.key > y.atom.key) return false;
    if (x.exponent.numerator !== y.exponent.numerator) return x.exponent.numerator > y.exponent.numerator;
  }
  return false;
}

/** Returns a / b; undefined if a letter has a larger exponent in b than in a. */
function monomialQuotient(a: Monomial, b: Monomial): Polynomial | undefined {
  const left = new Map(a.powers.map((power) => [power.atom.key, power]));
  for (const { atom, exponent } of b.powers) {
    const there: Rational = left.get(atom.key)?.exponent ?? integer(0);
    const difference = subtract(there, exponent);
    if (difference.numerator < 0n) return undefined;
    if (difference.numerator === 0n) left.delete(atom.key);
    else left.set(atom.key, { atom, exponent: difference });
  }
  const coefficient = divide(a.coefficient, b.coefficient);
  return coefficient && ofPowers(coefficient, [...left.values()]);
}
