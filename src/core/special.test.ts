import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { incompleteBeta, logGamma, normalQuantile, studentQuantile } from './special.ts';

// expected values: scipy.special.gammaln, betainc and scipy.stats.norm.ppf, t.ppf (SciPy 1.17)
const near = (got: number, want: number, tolerance = 1e-12) =>
  expect(Math.abs(got - want)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(want)));

describe('logGamma', () => {
  it.each([
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247],
    [1, 0],
    [3.7, 1.428072326665388],
    [171.5, 709.1431630309283],
    [1e5, 1051287.7089736569],
  ])('agrees with SciPy at %d', (x, want) => {
    near(logGamma(x), want);
  });

  it('satisfies Γ(x + 1) = x Γ(x)', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 500, noNaN: true }), (x) => {
        near(logGamma(x + 1), logGamma(x) + Math.log(x), 1e-12);
      }),
    );
  });
});

describe('incompleteBeta', () => {
  it.each([
    [0.3, 2, 5, 0.579825],
    [0.9, 0.5, 0.5, 0.7951672353008665],
    [0.5, 300, 300, 0.5],
  ])('agrees with SciPy at x = %d', (x, a, b, want) => {
    near(incompleteBeta(x, a, b), want, 1e-11);
  });

  it('is accurate in relative terms far in the tail', () => {
    expect(incompleteBeta(0.01, 50, 0.5) / 7.998227417904836e-102).toBeCloseTo(1, 12);
  });

  it('is 0 and 1 at the ends and I_x(a, b) = 1 − I_{1−x}(b, a)', () => {
    expect([incompleteBeta(0, 2, 3), incompleteBeta(1, 2, 3)]).toEqual([0, 1]);
    fc.assert(
      fc.property(
        // x is a multiple of a power of 1/2, so that 1 − x is exact in float64
        fc.integer({ min: 1, max: 1023 }).map((k) => k / 1024),
        fc.double({ min: 0.3, max: 40, noNaN: true }),
        fc.double({ min: 0.3, max: 40, noNaN: true }),
        (x, a, b) => {
          near(incompleteBeta(x, a, b), 1 - incompleteBeta(1 - x, b, a), 1e-11);
        },
      ),
    );
  });
});

describe('quantiles', () => {
  it.each([
    [0.975, 1.959963984540054],
    [0.5, 0],
    [1e-9, -5.9978070150076865],
    [0.9999, 3.719016485455709],
    [0.01, -2.3263478740408408],
    [0.3, -0.5244005127080409],
  ])('of the normal law agree with SciPy at %d', (p, want) => {
    near(normalQuantile(p), want, 1e-15 * 4);
  });

  it.each([
    [0.975, 1, 12.706204736174694],
    [0.975, 10, 2.228138851986274],
    [0.995, 3, 5.840909309733355],
    [0.025, 29, -2.045229642132704],
    [0.6, 1000, 0.25341451583949876],
    [0.99999, 7, 10.102684252974544],
  ])('of Student at p = %d, df = %d agree with SciPy', (p, df, want) => {
    near(studentQuantile(p, df), want, 1e-11);
  });

  it("of Student's t approach those of the normal distribution from outside", () => {
    for (const p of [0.6, 0.9, 0.999]) {
      expect(studentQuantile(p, 30)).toBeGreaterThan(studentQuantile(p, 300));
      expect(studentQuantile(p, 300)).toBeGreaterThan(normalQuantile(p));
      near(studentQuantile(p, 1e6), normalQuantile(p), 1e-4);
    }
    expect(studentQuantile(0.5, 4)).toBe(0);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => normalQuantile(0)).toThrow(DomainError);
    expect(() => normalQuantile(1)).toThrow('normalQuantile: expected p strictly between 0 and 1, got 1');
    expect(() => studentQuantile(0.9, 0)).toThrow(
      'studentQuantile: expected df to be an integer >= 1, got 0',
    );
    expect(() => logGamma(0)).toThrow('logGamma: expected x > 0, got 0');
    expect(() => incompleteBeta(2, 1, 1)).toThrow('incompleteBeta: expected x in [0, 1], got 2');
  });
});
