import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import {
  dkwEpsilon,
  dkwMinimumSize,
  dkwUpperBound,
  inverseCdfQuantile,
  linearQuantile,
  orderStatisticMinimumSize,
  orderStatisticUpperBound,
} from './quantile.ts';

const X = [0.3, 0.1, 0.4, 0.15, 0.92, 0.65, 0.35, 0.89, 0.79, 0.32];
const sample = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
const ramp = (N: number) => Array.from({ length: N }, (_, i) => i + 1);

describe('inverseCdfQuantile and linearQuantile', () => {
  // expected values computed with NumPy: numpy.quantile(X, q, method='inverted_cdf') and numpy.quantile(X, q)
  it.each([
    [0, 0.1, 0.1],
    [0.25, 0.3, 0.305],
    [0.5, 0.35, 0.375],
    [0.77, 0.79, 0.7802],
    [0.9, 0.89, 0.893],
    [1, 0.92, 0.92],
  ])('agree with numpy at level %d', (level, inverse, linear) => {
    expect(inverseCdfQuantile(X, level)).toBe(inverse);
    expect(linearQuantile(X, level)).toBeCloseTo(linear, 14);
  });

  it('does not take the next value if N p is rounded up', () => {
    // in float64, 100 · 0.07 is 7.000000000000001, so rounding up without a tolerance would give rank 8
    expect(inverseCdfQuantile(ramp(100), 0.07)).toBe(7);
  });

  it('is a value of the sample with at least a share p at or below it and less strictly below it', () => {
    fc.assert(
      fc.property(sample, fc.double({ min: 0.001, max: 1, noNaN: true }), (x, level) => {
        const q = inverseCdfQuantile(x, level);
        expect(x).toContain(q);
        expect(x.filter((v) => v <= q).length).toBeGreaterThanOrEqual(x.length * level - 1e-9);
        expect(x.filter((v) => v < q).length).toBeLessThan(x.length * level);
      }),
    );
  });

  it('does not modify its input', () => {
    const x = [3, 1, 2];
    inverseCdfQuantile(x, 0.5);
    expect(x).toEqual([3, 1, 2]);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => inverseCdfQuantile([], 0.5)).toThrow(DomainError);
    expect(() => inverseCdfQuantile([1, Number.NaN], 0.5)).toThrow(
      'inverseCdfQuantile: expected finite values_N[1]',
    );
    expect(() => linearQuantile([1], 1.5)).toThrow('linearQuantile: expected level in [0, 1], got 1.5');
  });
});

describe('dkwUpperBound', () => {
  it('is the quantile at the raised level', () => {
    // The DKW radius is sqrt(ln 20 / 200) = 0.12239, so the level of the quantile rises from 0.8 to 0.92239,
    // which is rank 93 of 100.
    expect(dkwEpsilon(100, 0.05)).toBeCloseTo(0.12238734153404082, 15);
    expect(dkwUpperBound(ramp(100), { alpha: 0.2, eta: 0.05 })).toBe(93);
  });

  it('is undefined below 14,979 values at alpha 0.01, eta 0.05', () => {
    const tail = { alpha: 0.01, eta: 0.05 };
    expect(dkwMinimumSize(tail)).toBe(14979);
    expect(dkwUpperBound(ramp(14978), tail)).toBeUndefined();
    expect(dkwUpperBound(ramp(14979), tail)).toBe(14979);
  });

  it('is larger for two sides', () => {
    expect(dkwEpsilon(10, 0.05, { sides: 2 })).toBeCloseTo(Math.sqrt(Math.log(40) / 20), 15);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => dkwEpsilon(0, 0.1)).toThrow('dkwEpsilon: expected N to be an integer >= 1, got 0');
    expect(() => dkwUpperBound([1], { alpha: 0, eta: 0.1 })).toThrow(
      'expected alpha strictly between 0 and 1',
    );
  });
});

describe('orderStatisticUpperBound', () => {
  // expected ranks computed with SciPy: scipy.stats.binom.ppf(1 - eta, N, 1 - alpha) + 1
  it.each([
    [299, 0.01, 0.05, 299],
    [1000, 0.01, 0.05, 996],
    [50, 0.2, 0.1, 45],
    [2000, 0.05, 0.01, 1923],
    [100000, 0.01, 0.05, 99052],
  ])('has the rank of the binomial quantile, N = %d', (N, alpha, eta, rank) => {
    expect(orderStatisticUpperBound(ramp(N), { alpha, eta })).toEqual({ rank, value: rank });
  });

  it('is undefined below 299 values at alpha 0.01, eta 0.05', () => {
    const tail = { alpha: 0.01, eta: 0.05 };
    expect(orderStatisticMinimumSize(tail)).toBe(299);
    expect(orderStatisticUpperBound(ramp(298), tail)).toBeUndefined();
  });

  it('lies between the empirical quantile and the DKW bound', () => {
    fc.assert(
      fc.property(sample, fc.double({ min: 0.05, max: 0.5, noNaN: true }), (x, alpha) => {
        const tail = { alpha, eta: 0.1 };
        const order = orderStatisticUpperBound(x, tail);
        fc.pre(order !== undefined);
        expect(order?.value).toBeGreaterThanOrEqual(inverseCdfQuantile(x, 1 - alpha));
        expect(order?.value).toBeLessThanOrEqual(dkwUpperBound(x, tail) ?? Infinity);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => orderStatisticUpperBound([1], { alpha: 0.1, eta: 1 })).toThrow(
      'orderStatisticUpperBound: expected eta strictly between 0 and 1, got 1',
    );
  });
});
