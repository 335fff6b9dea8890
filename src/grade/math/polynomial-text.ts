/**
 * The canonical text of polynomials in letters and i: `x^2-3*x+1/2`.
 * @module
 */
import { divide, formatRational, integer, type Rational } from '../rational.ts';
import type { Fraction } from './fraction.ts';
import type { Monomial } from './polynomial.ts';
import { exactQuotient } from './polynomial-division.ts';
import { type WorkBudget, withinLimits } from './work-budget.ts';

/**
 * Writes a polynomial. The terms are in order of descending degree, and terms of equal degree in order of
 * their letters.
 *
 * @param options.isMonic - whether to divide by the leading coefficient, so that p and 2p have the same text
 * @returns undefined for roots, functions, and quotients with a remainder
 */
export function plainPolynomialText(
  fraction: Fraction,
  { isMonic, work }: { readonly isMonic: boolean; readonly work: WorkBudget },
): string | undefined {
  const over = withinLimits(() => exactQuotient(fraction, work));
  if (!over || ![...over.values()].every(isPlain)) return undefined;
  const monomials = [...over.values()].sort((a, b) => degree(b) - degree(a) || (a.key < b.key ? -1 : 1));
  const [first] = monomials;
  if (!first) return '0';
  const unit = isMonic ? first.coefficient : integer(1);
  return monomials
    .map((monomial) => termText(divide(monomial.coefficient, unit) as Rational, monomial)) // unit is not 0
    .join('+')
    .replaceAll('+-', '-');
}

function isPlain({ powers }: Monomial): boolean {
  return powers.every(
    ({ atom, exponent }) =>
      exponent.denominator === 1n &&
      (atom.type === 'unit' || (atom.type === 'letter' && !atom.key.startsWith('unit '))),
  );
}

function degree({ powers }: Monomial): number {
  return powers.reduce((sum, { exponent }) => sum + Number(exponent.numerator), 0);
}

function termText(coefficient: Rational, { powers }: Monomial): string {
  const letters = powers
    .map(({ atom, exponent }) => {
      const name = atom.key.replace(/^\$\\?/, '');
      return exponent.numerator === 1n ? name : `${name}^${exponent.numerator}`;
    })
    .join('*');
  const number = formatRational(coefficient);
  if (letters === '') return number;
  if (number === '1') return letters;
  return number === '-1' ? `-${letters}` : `${number}*${letters}`;
}
