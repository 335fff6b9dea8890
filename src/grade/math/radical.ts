/**
 * Fractional powers in normal form: √12 is 2·3^(1/2), √(8+4√2) is 2·(2+2^(1/2))^(1/2).
 * @module
 */
import { integer, multiply, type Rational, rational } from '../rational.ts';
import {
  type Atom,
  bitLength,
  constant,
  monomialIn,
  normalMonomial,
  ONE,
  ofPowers,
  type Polynomial,
  type Power,
  polynomialKey,
  scale,
  smallInteger,
  times,
  ZERO,
} from './polynomial.ts';
import type { WorkBudget } from './work-budget.ts';

export const I: Atom = { key: 'i', type: 'unit' };

/**
 * Returns value^exponent for rational numbers. Odd roots of negative values are real (∛-8 = -2), as in
 * school; square roots of negative values are multiples of i.
 *
 * @returns undefined for negative powers of 0 and for other roots of negative numbers
 */
export function rationalPower(value: Rational, exponent: Rational, work: WorkBudget): Polynomial | undefined {
  if (value.numerator === 0n)
    return exponent.numerator > 0n ? ZERO : exponent.numerator === 0n ? ONE : undefined;
  if (exponent.denominator === 1n) return constant(integerPowerOf(value, exponent.numerator, work));
  if (value.numerator < 0n) {
    const root = rationalPower({ ...value, numerator: -value.numerator }, exponent, work);
    if (!root) return undefined;
    if (exponent.denominator % 2n === 1n)
      return exponent.numerator % 2n === 0n ? root : scale(root, integer(-1), work);
    if (exponent.denominator !== 2n) return undefined;
    return times(
      root,
      normalMonomial(integer(1), [{ atom: I, exponent: integer(exponent.numerator) }], work),
      work,
    );
  }
  const powers = [
    ...factorPowers(value.numerator, exponent, work),
    ...factorPowers(value.denominator, { ...exponent, numerator: -exponent.numerator }, work),
  ];
  return normalMonomial(integer(1), powers, work);
}

function integerPowerOf(value: Rational, exponent: bigint, work: WorkBudget): Rational {
  const n = smallInteger(exponent < 0n ? -exponent : exponent);
  work.requireBits(n * (bitLength(value.numerator) + bitLength(value.denominator)));
  const [over, under] = [value.numerator ** BigInt(n), value.denominator ** BigInt(n)];
  return (exponent < 0n ? rational(under, over) : rational(over, under)) as Rational; // value is not 0
}

/** Returns n^exponent as a product of powers of primes. */
function factorPowers(n: bigint, exponent: Rational, work: WorkBudget): Power[] {
  return factors(n, work).map(({ atom, count }) => ({ atom, exponent: multiply(exponent, integer(count)) }));
}

/** Exclusive upper bound of trial divisors. A remaining factor below its square is prime. */
const TRIAL_LIMIT = 2000;

function factors(n: bigint, work: WorkBudget): { atom: Atom; count: number }[] {
  const found: { atom: Atom; count: number }[] = [];
  let left = n;
  for (let divisor = 2; divisor < TRIAL_LIMIT && left > 1n; divisor += divisor === 2 ? 1 : 2) {
    if (left < BigInt(divisor * divisor)) break;
    const by = BigInt(divisor);
    work.spend(left < 1n << 64n ? 0.2 : 2);
    let count = 0;
    for (; left % by === 0n; left /= by) count++;
    if (count > 0) found.push({ atom: { key: `p${divisor}`, type: 'prime', base: by }, count });
  }
  if (left === 1n) return found;
  const isPrime = left < BigInt(TRIAL_LIMIT * TRIAL_LIMIT);
  const root = isPrime ? undefined : squareRoot(left);
  found.push(
    root === undefined
      ? { atom: { key: `p${left}`, type: isPrime ? 'prime' : 'root', base: left }, count: 1 }
      : { atom: { key: `p${root}`, type: 'root', base: root }, count: 2 },
  );
  return found;
}

/** Returns the integer square root of n, by Newton's method; undefined if n is not a square number. */
function squareRoot(n: bigint): bigint | undefined {
  let x = 1n << BigInt(Math.ceil(bitLength(n) / 2));
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x * x === n ? x : undefined;
    x = next;
  }
}

/**
 * Returns base^exponent for an exponent that is not an integer.
 *
 * A factor is taken out of a root only if this is correct for all real values: positive constants and a
 * single letter are taken out, but √(x²) stays a root.
 *
 * @returns undefined when the base is a negative constant that has no such root
 */
export function fractionalPower(
  base: Polynomial,
  exponent: Rational,
  work: WorkBudget,
): Polynomial | undefined {
  const monomial = monomialIn(base);
  if (!monomial) return base.size === 0 ? ZERO : rootOfSum(base, exponent, work);
  const { coefficient, powers } = monomial;
  const outer = rationalPower(coefficient, exponent, work);
  const isPositive = powers.every(({ atom }) => POSITIVE.has(atom.key) || atom.type === 'prime');
  const isOneLetter = powers.length === 1 && powers[0]?.atom.type === 'letter' && isOne(powers[0].exponent);
  if (isPositive || (isOneLetter && coefficient.numerator > 0n)) {
    if (!outer) return undefined;
    const inner = powers.map((power) => ({ atom: power.atom, exponent: multiply(power.exponent, exponent) }));
    return times(outer, normalMonomial(integer(1), inner, work), work);
  }
  return rootOfSum(base, exponent, work);
}

const POSITIVE: ReadonlySet<string> = new Set(['pi', 'e', '']);

function isOne(value: Rational): boolean {
  return value.numerator === 1n && value.denominator === 1n;
}

/**
 * Returns the root of a sum as an atom. The positive rational factor that all terms share is taken out of the
 * root.
 */
function rootOfSum(base: Polynomial, exponent: Rational, work: WorkBudget): Polynomial | undefined {
  const content = contentOf(base);
  const rest = scale(base, { numerator: content.denominator, denominator: content.numerator }, work);
  const outer = rationalPower(content, exponent, work);
  const atom: Atom = { key: `(${polynomialKey(rest)})`, type: 'root', base: rest };
  return outer && times(outer, ofPowers(integer(1), [{ atom, exponent }]), work);
}

/** Returns the largest positive rational number c for which base / c has integer coefficients. */
function contentOf(base: Polynomial): Rational {
  let over = 0n;
  let under = 1n;
  for (const { coefficient } of base.values()) {
    over = gcd(over, coefficient.numerator);
    under = (under / gcd(under, coefficient.denominator)) * coefficient.denominator;
  }
  return rational(over, under) as Rational; // `under` is never 0, because it starts at 1
}

export function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a < 0n ? -a : a;
}
