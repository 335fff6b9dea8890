import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expOfNonPositive } from './exp.ts';

describe('e^x for x <= 0', () => {
  it('matches Math.exp within 2 units in the last place', () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 0, noNaN: true }), (x) => {
        const expected = Math.exp(x);
        expect(Math.abs(expOfNonPositive(x) - expected) / expected).toBeLessThanOrEqual(5e-16);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    [0, 1],
    [-0, 1],
    [-5e-324, 1],
    [-746, 0],
    [Number.NEGATIVE_INFINITY, 0],
    [Number.NaN, Number.NaN],
  ])('of %d is %d', (x, expected) => {
    expect(expOfNonPositive(x)).toBe(expected);
  });

  it('reaches the smallest denormal number', () => {
    for (let x = -745.3; x < -708; x += 0.003)
      expect(Math.abs(expOfNonPositive(x) - Math.exp(x))).toBeLessThanOrEqual(1e-14 * Math.exp(x) + 5e-324);
  });

  it('is non-decreasing, also between the steps of the table', () => {
    let last = 0;
    for (let x = -0.1; x <= 0; x += 1e-5) {
      const y = expOfNonPositive(x);
      expect(y).toBeGreaterThanOrEqual(last);
      last = y;
    }
  });
});
