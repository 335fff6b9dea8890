import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { randomStream } from './rng.ts';
import {
  mean,
  pairedDifferenceInterval,
  passAtK,
  percentileBootstrap,
  populationDeviation,
  sampleVariance,
  wilsonInterval,
} from './stats.ts';

const D = [0.25, -0.125, 0.5, 0, 0.125, 0.375, -0.25, 0.25];

describe('moments', () => {
  it('match NumPy', () => {
    expect(mean(D)).toBe(0.140625);
    expect(sampleVariance(D)).toBeCloseTo(0.064453125, 15);
    expect(populationDeviation(D)).toBeCloseTo(0.23747943989954162, 15);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => mean([])).toThrow(DomainError);
    expect(() => sampleVariance([1])).toThrow(
      'sampleVariance: expected sample size to be an integer >= 2, got 1',
    );
  });
});

describe('wilsonInterval', () => {
  it('matches SciPy', () => {
    // expected values computed with SciPy: binomtest(7, 20).proportion_ci(.95, 'wilson'), and
    // binomtest(0, 10) at confidence .9
    const { mean: p, low, high } = wilsonInterval(7, 20);
    expect(p).toBe(0.35);
    expect(low).toBeCloseTo(0.1811918241010821, 14);
    expect(high).toBeCloseTo(0.5671457233147637, 14);
    const none = wilsonInterval(0, 10, { confidence: 0.9 });
    expect(none.low).toBe(0);
    expect(none.high).toBeCloseTo(0.21294197008340698, 14);
  });

  it('contains the proportion, lies in [0, 1] and is symmetric in successes and failures', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(300), (n, c) => {
        const k = Math.min(c, n);
        const { mean: p, low, high } = wilsonInterval(k, n);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(p + 1e-15);
        expect(high).toBeGreaterThanOrEqual(p - 1e-15);
        expect(wilsonInterval(n - k, n).low).toBeCloseTo(1 - high, 12);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => wilsonInterval(3, 2)).toThrow('wilsonInterval: expected successes <= 2 trials, got 3');
    expect(() => wilsonInterval(0, 0)).toThrow('expected trials to be an integer >= 1, got 0');
    expect(() => wilsonInterval(0, 1, { confidence: 1 })).toThrow('confidence strictly between 0 and 1');
  });
});

describe('pairedDifferenceInterval', () => {
  it('matches SciPy at 95% and 99%', () => {
    // expected values computed with SciPy: scipy.stats.ttest_1samp(D, 0).confidence_interval(c)
    const at95 = pairedDifferenceInterval(D);
    expect(at95.mean).toBe(0.140625);
    expect(at95.prompts).toBe(8);
    expect(at95.low).toBeCloseTo(-0.07162081482496638, 12);
    expect(at95.high).toBeCloseTo(0.3528708148249664, 12);
    const at99 = pairedDifferenceInterval(D, { confidence: 0.99 });
    expect(at99.low).toBeCloseTo(-0.17348439112724018, 12);
    expect(at99.high).toBeCloseTo(0.4547343911272402, 12);
  });

  it('covers the true difference in about 95% of samples', () => {
    let covered = 0;
    for (let run = 0; run < 1000; run++) {
      const stream = randomStream(8, run);
      const { low, high } = pairedDifferenceInterval(Array.from({ length: 12 }, () => 0.3 + stream.normal()));
      if (low <= 0.3 && 0.3 <= high) covered++;
    }
    expect(Math.abs(covered / 1000 - 0.95)).toBeLessThan(0.021);
  });

  it('uses only the given stream for the bootstrap', () => {
    const interval = (seed: number) =>
      pairedDifferenceInterval(D, { method: 'bootstrap', stream: randomStream(seed), resamples: 4000 });
    expect(interval(1)).toEqual(interval(1));
    expect(interval(1)).not.toEqual(interval(2));
    // the normal approximation of the bootstrap interval: mean ± 1.96 · population deviation / √N
    const half = (1.96 * populationDeviation(D)) / Math.sqrt(8);
    expect(Math.abs(interval(1).low - (0.140625 - half))).toBeLessThan(0.02);
    expect(Math.abs(interval(1).high - (0.140625 + half))).toBeLessThan(0.02);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => pairedDifferenceInterval([1])).toThrow(
      'expected number of prompts to be an integer >= 2, got 1',
    );
    expect(() => pairedDifferenceInterval([1, Number.NaN])).toThrow(
      'expected finite differences_P[1], got NaN',
    );
  });
});

describe('percentileBootstrap', () => {
  it("has width 0 for equal values and lies within the sample's range otherwise", () => {
    const stream = randomStream(4);
    expect(percentileBootstrap([2, 2, 2], { stream })).toEqual({ mean: 2, low: 2, high: 2 });
    const { low, high } = percentileBootstrap([0, 1, 5], { stream, resamples: 200 });
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(5);
    expect(low).toBeLessThan(high);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => percentileBootstrap([], { stream: randomStream(1) })).toThrow('number of prompts');
    expect(() => percentileBootstrap([1], { stream: randomStream(1), resamples: 0 })).toThrow('resamples');
  });
});

describe('passAtK', () => {
  it('matches the binomial formula', () => {
    // expected values computed with SciPy: 1 - comb(7, k)/comb(10, k)
    expect(passAtK(10, 3, 1)).toBeCloseTo(0.3, 15);
    expect(passAtK(10, 3, 2)).toBeCloseTo(0.5333333333333333, 15);
    expect(passAtK(10, 3, 5)).toBeCloseTo(0.9166666666666666, 15);
    expect(passAtK(4, 1, 2)).toBeCloseTo(0.5, 15);
  });

  it('is exact at the ends and non-decreasing in k and c', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(40), (n, c0) => {
        const c = Math.min(c0, n);
        expect(passAtK(n, 0, n)).toBe(0);
        expect(passAtK(n, n, 1)).toBe(1);
        for (let k = 2; k <= n; k++) {
          expect(passAtK(n, c, k)).toBeGreaterThanOrEqual(passAtK(n, c, k - 1) - 1e-15);
          if (c > 0) expect(passAtK(n, c, k)).toBeGreaterThanOrEqual(passAtK(n, c - 1, k) - 1e-15);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => passAtK(2, 3, 1)).toThrow(
      'passAtK: expected correct and k of at most 2 samples, got 3 and 1',
    );
    expect(() => passAtK(2, 1, 3)).toThrow('got 1 and 3');
    expect(() => passAtK(2, 1, 0)).toThrow('expected k to be an integer >= 1');
  });
});
