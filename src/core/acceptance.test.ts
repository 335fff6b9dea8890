import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alphaSpending,
  type BettingOptions,
  createBettingTest,
  effectiveSampleSize,
  empiricalBernsteinLower,
  hoeffdingLower,
  truncatedGain,
  truncationBias,
} from './acceptance.ts';
import { DomainError } from './errors.ts';
import { randomStream } from './rng.ts';
import { mean } from './stats.ts';

const D = [0.5, -0.25, 0, 1, 0.75, -0.5, 0.25, 0];
const wealthPath = (differences: readonly number[], options: BettingOptions) => {
  const test = createBettingTest(options);
  return differences.map((d) => test.observe(d).wealth);
};

describe('lower bounds of a mean', () => {
  it('match NumPy', () => {
    // expected values computed with NumPy: d.mean() - 2*sqrt(ln(20)/16) and d.mean() -
    // sqrt(2*d.var(ddof=1)*ln(40)/8) - 14*ln(40)/21
    expect(hoeffdingLower(D, { lo: -1, hi: 1, delta: 0.05 })).toBeCloseTo(-0.6466591913011427, 14);
    expect(empiricalBernsteinLower(D, { lo: -1, hi: 1, delta: 0.05 })).toBeCloseTo(-2.728109171754931, 13);
  });

  it('lie below the mean and increase with delta', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 30 }),
        (x) => {
          for (const bound of [hoeffdingLower, empiricalBernsteinLower]) {
            const strict = bound(x, { lo: -1, hi: 1, delta: 0.01 });
            const loose = bound(x, { lo: -1, hi: 1, delta: 0.2 });
            expect(strict).toBeLessThan(loose);
            expect(loose).toBeLessThan(mean(x));
          }
        },
      ),
    );
  });

  it('have at least the nominal coverage for a fair coin', () => {
    const stream = randomStream(11);
    let failures = 0;
    for (let run = 0; run < 2000; run++) {
      const x = Array.from({ length: 100 }, () => (stream.uniform() < 0.5 ? -1 : 1));
      if (hoeffdingLower(x, { lo: -1, hi: 1, delta: 0.05 }) > 0) failures++;
    }
    expect(failures / 2000).toBeLessThanOrEqual(0.05);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => hoeffdingLower([], { lo: 0, hi: 1, delta: 0.1 })).toThrow(DomainError);
    expect(() => hoeffdingLower([2], { lo: 0, hi: 1, delta: 0.1 })).toThrow(
      'expected values_N[0] in [0, 1], got 2',
    );
    expect(() => empiricalBernsteinLower([1], { lo: 0, hi: 1, delta: 0.1 })).toThrow(
      'an integer >= 2, got 1',
    );
    expect(() => empiricalBernsteinLower([1, 0], { lo: 0, hi: 1, delta: 1 })).toThrow(
      'delta strictly between 0 and 1',
    );
  });
});

describe('truncatedGain', () => {
  it('caps the weight and subtracts the return of the old team', () => {
    const { gain_N, lo, hi } = truncatedGain([3, 0.5, 1], [2, 3, 1], { lo: 1, hi: 3, cap: 2 });
    expect([...gain_N]).toEqual([1, -1, 0]);
    expect([lo, hi]).toEqual([-2, 2]);
  });

  it('lies within its bounds and below the untruncated gain', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: 0, max: 10, noNaN: true }), fc.double({ min: -1, max: 2, noNaN: true })),
          { minLength: 1 },
        ),
        (rows) => {
          const gain = truncatedGain(
            rows.map(([w]) => w),
            rows.map(([, r]) => r),
            { lo: -1, hi: 2, cap: 1.5 },
          );
          gain.gain_N.forEach((x, n) => {
            const [w, r] = rows[n];
            expect(x).toBeGreaterThanOrEqual(gain.lo);
            expect(x).toBeLessThanOrEqual(gain.hi);
            expect(x).toBeLessThanOrEqual((w - 1) * (r + 1));
          });
        },
      ),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => truncatedGain([1], [], { lo: 0, hi: 1 })).toThrow(
      'truncatedGain: expected 1 returns, got 0',
    );
    expect(() => truncatedGain([-1], [0], { lo: 0, hi: 1 })).toThrow('expected weights_N[0] >= 0, got -1');
    expect(() => truncatedGain([1], [2], { lo: 0, hi: 1 })).toThrow('expected returns_N[0] in [0, 1], got 2');
    expect(() => truncatedGain([1], [0], { lo: 0, hi: 1, cap: 0.5 })).toThrow('expected cap >= 1, got 0.5');
  });
});

describe('truncationBias', () => {
  it('is the lost mass times the bound', () => {
    const { plugIn, upper } = truncationBias([0.5, 1.5, 3, 0], { bound: 2, cap: 2, delta: 0.1 });
    expect(plugIn).toBe(0);
    expect(upper).toBeGreaterThan(0);
  });

  it('bounds the effect of truncation on a mean; a truncated gain never overestimates', () => {
    const rows = fc.array(
      fc.tuple(fc.double({ min: 0.01, max: 5, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
      { minLength: 2, maxLength: 12 },
    );
    fc.assert(
      fc.property(rows, fc.double({ min: 1, max: 3, noNaN: true }), (pairs, cap) => {
        const average = mean(pairs.map(([w]) => w));
        const w = pairs.map(([x]) => x / average);
        const f = pairs.map(([, x]) => x);
        const whole = mean(w.map((x, n) => x * f[n]));
        const cut = mean(w.map((x, n) => Math.min(x, cap) * f[n]));
        const { plugIn } = truncationBias(w, { bound: 1, cap, delta: 0.05 });
        expect(whole - cut).toBeLessThanOrEqual(plugIn + 1e-12);
        const { gain_N } = truncatedGain(w, f, { lo: 0, hi: 1, cap });
        expect(mean(gain_N)).toBeLessThanOrEqual(whole - mean(f) + 1e-12);
      }),
    );
  });

  it('loses 12.6% of the mass of a log-normal weight at C = 1 and 0.2% at C = 2, message KL 0.05', () => {
    // expected values of 1 - E[min(w, C)], computed with scipy.stats.norm for log-normal weights w =
    // exp(N(-s²/2, s²)) with s² = 0.1: 0.12563 at the truncation C = 1 and 0.0022139 at C = 2
    const stream = randomStream(5);
    const s = Math.sqrt(0.1);
    const w = Array.from({ length: 40000 }, () => Math.exp(s * stream.normal() - 0.05));
    const lost = (cap: number) => truncationBias(w, { bound: 1, cap, delta: 0.05 }).plugIn;
    expect(Math.abs(lost(1) - 0.12563)).toBeLessThan(0.005);
    expect(Math.abs(lost(2) - 0.0022139)).toBeLessThan(0.005);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => truncationBias([1, 1], { bound: -1, delta: 0.1 })).toThrow('expected bound >= 0, got -1');
    expect(() => truncationBias([1, 1], { bound: 1, delta: 0.1, cap: 0 })).toThrow('expected cap > 0, got 0');
  });
});

describe('effectiveSampleSize', () => {
  it('is N for equal weights and 1 for a single non-zero weight', () => {
    expect(effectiveSampleSize([2, 2, 2])).toBe(3);
    expect(effectiveSampleSize([5, 0, 0])).toBe(1);
    expect(effectiveSampleSize([0, 0])).toBe(0);
    // expected value computed with NumPy: w.sum()**2 / (w**2).sum()
    expect(effectiveSampleSize([0.5, 1.5, 3, 1, 0.25])).toBeCloseTo(3.109452736318408, 14);
  });
});

describe('alphaSpending', () => {
  it('spends less than alpha over any number of tests', () => {
    let spent = 0;
    for (let k = 1; k <= 10000; k++) spent += 3 * alphaSpending(0.05, k, 3);
    expect(spent).toBeLessThan(0.05);
    expect(spent).toBeGreaterThan(0.0499);
    expect(alphaSpending(0.05, 1)).toBeCloseTo(0.0303963550927, 12);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => alphaSpending(0.05, 0)).toThrow('alphaSpending: expected k to be an integer >= 1, got 0');
  });
});

describe('createBettingTest', () => {
  it('matches a Python reference, planned and open-ended', () => {
    const planned = wealthPath(D, { alpha: 0.1, lo: -1, hi: 1, nPlan: 400 });
    [1.0536491506572336, 1.0148716865018885, 1.0148716865018885, 1.2155730482421745].forEach((wealth, k) => {
      expect(planned[k]).toBeCloseTo(wealth, 13);
    });
    expect(planned.at(-1)).toBeCloseTo(1.3071571575367125, 13);
    const open = wealthPath(D.slice(0, 5), { alpha: 0.1, lo: -0.5, hi: 2 });
    expect(open).toEqual([1.5, 1.125, 1.125, 2.25, 3.9375].map((x) => expect.closeTo(x, 13)));
    // the differences have a large variance and alpha is large, so that the bets of the test stay below their
    // upper bound c/m (E64)
    const alternating = wealthPath(
      Array.from({ length: 16 }, (_, k) => (k % 2 === 0 ? 1 : -1)),
      { alpha: 0.5, lo: -1, hi: 1 },
    );
    expect(alternating[7]).toBeCloseTo(0.45240623116040835, 13);
    expect(alternating[15]).toBeCloseTo(0.3826464847806096, 13);
  });

  it('accepts at wealth 1/alpha and keeps its decision', () => {
    const test = createBettingTest({ alpha: 0.05, lo: -1, hi: 1, nPlan: 40 });
    const verdicts = [...new Array(12).fill(1), ...new Array(28).fill(-1)].map((d) => test.observe(d));
    const first = verdicts.findIndex((v) => v.decided === 'accept');
    // The first bet (E64) is sqrt(2 ln 20 / (0.25 · 40)) = 0.774, and the next bets are 1. The wealth (test
    // statistic) after 8 observations is 1.387 · 1.5^7 = 23.7, the first value above 1/alpha = 20.
    expect(first).toBe(7);
    expect(verdicts.at(-1)?.wealth).toBeLessThan(1);
    expect(verdicts.at(-1)?.decided).toBe('accept');
  });

  it('rejects at the planned size, and never if it is open-ended', () => {
    const planned = createBettingTest({ alpha: 0.05, lo: -1, hi: 1, nPlan: 3 });
    expect([0, 0, 0, 1].map((d) => planned.observe(d).decided)).toEqual([
      undefined,
      undefined,
      'reject',
      'reject',
    ]);
    const open = createBettingTest({ alpha: 0.05, lo: -1, hi: 1 });
    expect([0, 0, 0, 0].map((d) => open.observe(d).decided)).toEqual(new Array(4).fill(undefined));
  });

  it('loses at most the share c of its wealth per observation', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -0.5, max: 2, noNaN: true }), { minLength: 1, maxLength: 40 }),
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        (x, c) => {
          const path = wealthPath(x, { alpha: 0.05, lo: -0.5, hi: 2, c });
          path.forEach((wealth, k) => {
            expect(wealth).toBeGreaterThanOrEqual((k === 0 ? 1 : path[k - 1]) * (1 - c) * (1 - 1e-12));
          });
        },
      ),
    );
  });

  it('is a martingale at E[D] = 0: the expected next wealth is the present wealth', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(-1, 0, 1), { maxLength: 30 }), (history) => {
        const next = (d: number) =>
          wealthPath([...history, d], { alpha: 0.05, lo: -1, hi: 1, nPlan: 31 }).at(-1) ?? 1;
        const present = wealthPath(history, { alpha: 0.05, lo: -1, hi: 1, nPlan: 31 }).at(-1) ?? 1;
        expect((next(-1) + next(1)) / 2).toBeCloseTo(present, 10);
        expect(next(0)).toBeCloseTo(present, 10);
      }),
    );
  });

  it('has most of its power at the planned size: gain 0.05 with 20% discordant, N = 600', () => {
    let accepted = 0;
    for (let run = 0; run < 400; run++) {
      const stream = randomStream(3, run);
      const test = createBettingTest({ alpha: 0.05, lo: -1, hi: 1, nPlan: 600 });
      let decided: string | undefined;
      while (decided === undefined) {
        const u = stream.uniform();
        decided = test.observe(u < 0.125 ? 1 : u < 0.2 ? -1 : 0).decided;
      }
      if (decided === 'accept') accepted++;
    }
    // an independent simulation gives an acceptance rate of 0.735; the tolerance is 3 standard errors of 400
    // runs
    expect(Math.abs(accepted / 400 - 0.735)).toBeLessThan(0.066);
  });

  it('throws a DomainError for invalid input', () => {
    const good = { alpha: 0.05, lo: -1, hi: 1 };
    expect(() => createBettingTest({ ...good, lo: 0 })).toThrow('expected lo < 0 < hi, got lo 0 and hi 1');
    expect(() => createBettingTest({ ...good, alpha: 0 })).toThrow(DomainError);
    expect(() => createBettingTest({ ...good, nPlan: 0 })).toThrow('nPlan to be an integer >= 1, got 0');
    expect(() => createBettingTest({ ...good, c: 1 })).toThrow('expected c strictly between 0 and 1');
    expect(() => createBettingTest(good).observe(1.5)).toThrow(
      'BettingTest.observe: expected difference[0] in [-1, 1], got 1.5',
    );
  });
});
