import { describe, expect, it } from 'vitest';
import { integer, type Rational, rational } from '../rational.ts';
import { constant, polynomialKey } from './polynomial.ts';
import { fractionalPower, gcd, rationalPower } from './radical.ts';
import { WorkBudget } from './work-budget.ts';

const ratio = (above: number, below: number): Rational => rational(BigInt(above), BigInt(below)) as Rational;
const key = (value: Rational, exponent: Rational): string | undefined => {
  const power = rationalPower(value, exponent, new WorkBudget());
  return power && polynomialKey(power);
};

describe('rationalPower', () => {
  it('takes integer powers out of roots', () => {
    expect(key(integer(12), ratio(1, 2))).toBe('2/1*p3^1/2');
    expect(key(integer(54), ratio(1, 3))).toBe('3/1*p2^1/3');
    expect(key(ratio(1, 2), ratio(1, 2))).toBe('1/2*p2^1/2');
    expect(key(integer(8), ratio(-2, 3))).toBe('1/4*');
    expect(key(ratio(9, 4), ratio(3, 2))).toBe('27/8*');
  });

  it('gives real roots of negative numbers where they exist, and multiples of i for square roots', () => {
    expect(key(integer(-8), ratio(1, 3))).toBe('-2/1*');
    expect(key(integer(-8), ratio(2, 3))).toBe('4/1*');
    expect(key(integer(-4), ratio(1, 2))).toBe('2/1*i^1/1');
    expect(key(integer(-1), ratio(1, 4))).toBeUndefined();
  });

  it('is undefined for negative powers of 0', () => {
    expect(key(integer(0), integer(-1))).toBeUndefined();
    expect(key(integer(0), ratio(1, 2))).toBe('');
    expect(key(integer(0), integer(0))).toBe('1/1*');
  });

  it('recognizes squares of primes beyond the limit of trial division', () => {
    expect(key(integer(1_000_003n ** 2n), ratio(1, 2))).toBe('1000003/1*');
    expect(key(integer(1_000_003n * 2n), ratio(1, 2))).toBe('1/1*p1000003^1/2 p2^1/2');
  });
});

it('fractionalPower keeps a root if taking factors out would lose a sign', () => {
  const letter = (exponent: number) =>
    new Map([
      [
        `$x^${exponent}/1`,
        {
          key: `$x^${exponent}/1`,
          coefficient: integer(4),
          powers: [{ atom: { key: '$x', type: 'letter' as const }, exponent: integer(exponent) }],
        },
      ],
    ]);
  const root = (exponent: number) => fractionalPower(letter(exponent), ratio(1, 2), new WorkBudget());
  expect(polynomialKey(root(1) ?? constant(integer(0)))).toBe('2/1*$x^1/2');
  expect(polynomialKey(root(2) ?? constant(integer(0)))).toBe('2/1*(1/1*$x^2/1)^1/2');
});

it('gcd is never negative', () => {
  expect(gcd(12n, -18n)).toBe(6n);
  expect(gcd(0n, 0n)).toBe(0n);
});
