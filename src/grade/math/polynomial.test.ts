import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { integer, type Rational } from '../rational.ts';
import {
  type Atom,
  constant,
  floorOf,
  integerPower,
  isDecisive,
  minus,
  normalMonomial,
  ONE,
  ofPowers,
  type Polynomial,
  plus,
  polynomialKey,
  rationalOf,
  samePolynomial,
  times,
  ZERO,
} from './polynomial.ts';
import { I } from './radical.ts';
import { WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

const work = () => new WorkBudget(1e9);
const X: Atom = { key: '$x', type: 'letter' };
const TWO: Atom = { key: 'p2', type: 'prime', base: 2n };
const half: Rational = { numerator: 1n, denominator: 2n };
const power = (atom: Atom, exponent: Rational): Polynomial =>
  normalMonomial(integer(1), [{ atom, exponent }], work());

/** Draws sums of c · x^p · 2^(q/2) · i^r, where c, p, q and r are small integers. */
const polynomials = fc
  .array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.nat(2), fc.integer({ min: -1, max: 3 }), fc.nat(3)), {
    maxLength: 4,
  })
  .map((terms) =>
    terms.reduce<Polynomial>(
      (sum, [c, p, q, r]) =>
        plus(
          sum,
          normalMonomial(
            integer(c),
            [
              ...(p === 0 ? [] : [{ atom: X, exponent: integer(p) }]),
              ...(q === 0 ? [] : [{ atom: TWO, exponent: { numerator: BigInt(q), denominator: 2n } }]),
              ...(r === 0 ? [] : [{ atom: I, exponent: integer(r) }]),
            ],
            work(),
          ),
          work(),
        ),
      ZERO,
    ),
  );

describe('polynomials', () => {
  it('form a commutative ring', () => {
    fc.assert(
      fc.property(polynomials, polynomials, polynomials, (a, b, c) => {
        const w = work();
        expect(samePolynomial(times(a, b, w), times(b, a, w))).toBe(true);
        expect(samePolynomial(times(times(a, b, w), c, w), times(a, times(b, c, w), w))).toBe(true);
        expect(samePolynomial(times(a, plus(b, c, w), w), plus(times(a, b, w), times(a, c, w), w))).toBe(
          true,
        );
        expect(minus(a, a, w).size).toBe(0);
        expect(samePolynomial(times(a, ONE, w), a)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('reduce powers of i and of roots of primes', () => {
    expect(rationalOf(power(I, integer(2)))).toEqual(integer(-1));
    expect(rationalOf(power(I, integer(-4)))).toEqual(integer(1));
    expect(polynomialKey(power(I, integer(-1)))).toBe('-1/1*i^1/1');
    expect(rationalOf(times(power(TWO, half), power(TWO, half), work()))).toEqual(integer(2));
    expect(polynomialKey(power(TWO, { numerator: -1n, denominator: 2n }))).toBe('1/2*p2^1/2');
  });

  it('expand integer powers of roots of sums', () => {
    const base = plus(ofPowers(integer(1), [{ atom: X, exponent: integer(1) }]), ONE, work());
    const root: Atom = { key: '(x+1)', type: 'root', base };
    expect(samePolynomial(power(root, integer(2)), times(base, base, work()))).toBe(true);
    expect(isDecisive(power(root, half))).toBe(false);
    expect(isDecisive(times(power(TWO, half), base, work()))).toBe(true);
  });

  it('have equal keys exactly when they are equal', () => {
    fc.assert(
      fc.property(polynomials, polynomials, (a, b) => {
        expect(polynomialKey(a) === polynomialKey(b)).toBe(samePolynomial(a, b));
        expect(polynomialKey(plus(a, b, work()))).toBe(polynomialKey(plus(b, a, work())));
      }),
    );
  });

  it('exhaust the work budget instead of growing', () => {
    const sum = ['a', 'b', 'c', 'd', 'e'].reduce<Polynomial>(
      (total, key) =>
        plus(total, ofPowers(integer(1), [{ atom: { key, type: 'letter' }, exponent: integer(1) }]), work()),
      ZERO,
    );
    expect(() => integerPower(sum, 20, work())).toThrow(WorkBudgetExceeded);
    expect(() => integerPower(constant(integer(10)), 1_000_000, new WorkBudget())).toThrow(
      WorkBudgetExceeded,
    );
  });
});

it('floorOf rounds down on both sides of 0', () => {
  const floors = [-3n, -1n, 0n, 1n, 3n].map((numerator) => floorOf({ numerator, denominator: 2n }));
  expect(floors).toEqual([-2n, -1n, 0n, 0n, 1n]);
  expect(floorOf(integer(-4))).toBe(-4n);
});
