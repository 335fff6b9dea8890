import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  divide,
  equal,
  formatRational,
  integer,
  multiply,
  negate,
  type Rational,
  rational,
  subtract,
} from './rational.ts';

const fraction = fc
  .tuple(fc.bigInt({ min: -999n, max: 999n }), fc.bigInt({ min: 1n, max: 99n }))
  .map(([n, d]) => rational(n, d) as Rational);

describe('rational', () => {
  it('has one representation per value, with the sign in the numerator', () => {
    expect(rational(6n, -4n)).toEqual({ numerator: -3n, denominator: 2n });
    expect(rational(0n, -5n)).toEqual({ numerator: 0n, denominator: 1n });
    expect(rational(1n, 0n)).toBeUndefined();
    expect(formatRational(rational(6n, -4n) as Rational)).toBe('-3/2');
    expect(formatRational(integer(-12))).toBe('-12');
  });

  it('does exact arithmetic: 1/3 + 1/6 = 1/2, 8/(3-8/3) = 24', () => {
    const third = rational(1n, 3n) as Rational;
    expect(add(third, rational(1n, 6n) as Rational)).toEqual(rational(1n, 2n));
    const eightThirds = divide(integer(8), integer(3)) as Rational;
    expect(divide(integer(8), subtract(integer(3), eightThirds))).toEqual(integer(24));
    expect(divide(third, integer(0))).toBeUndefined();
  });

  it('obeys the field axioms', () => {
    fc.assert(
      fc.property(fraction, fraction, fraction, (a, b, c) => {
        expect(equal(add(a, b), add(b, a))).toBe(true);
        expect(equal(multiply(a, add(b, c)), add(multiply(a, b), multiply(a, c)))).toBe(true);
        expect(equal(subtract(a, b), negate(subtract(b, a)))).toBe(true);
        const quotient = divide(a, b);
        if (b.numerator === 0n) expect(quotient).toBeUndefined();
        else expect(equal(multiply(quotient as Rational, b), a)).toBe(true);
      }),
    );
  });

  it('stays in lowest terms', () => {
    fc.assert(
      fc.property(fraction, fraction, (a, b) => {
        const sum = add(a, b);
        expect(rational(sum.numerator, sum.denominator)).toEqual(sum);
        expect(sum.denominator > 0n).toBe(true);
      }),
    );
  });
});
