import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { projectOntoTrustRegion, sampledSwapCovariance, swapCovariance } from './projection.ts';

const distribution = (n: number) =>
  fc
    .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: n, maxLength: n })
    .map((x) => x.map((v) => v / x.reduce((a, b) => a + b, 0)));
const klOf = (p: ArrayLike<number>, q: ArrayLike<number>) =>
  Array.from(p).reduce((sum, x, v) => sum + (x > 0 ? x * Math.log(x / q[v]) : 0), 0);

describe('projectOntoTrustRegion', () => {
  it("matches SciPy's constrained minimiser", () => {
    // expected values from SciPy: minimize KL(pi||pre) subject to KL(pi||old) <= .05, by SLSQP over logits
    const { pi, klPre, klOld } = projectOntoTrustRegion([0.6, 0.3, 0.1], [0.2, 0.3, 0.5], 0.05);
    [0.30712658831886697, 0.33716586139881116, 0.3557075502823218].forEach((p, v) => {
      expect(pi[v]).toBeCloseTo(p, 6);
    });
    expect(klPre).toBeCloseTo(0.28507617305960914, 7);
    expect(klOld).toBeCloseTo(0.05, 12);
  });

  it('lies within the ball, returns old at radius 0 and pre at a large radius, and increases with the radius', () => {
    fc.assert(
      fc.property(
        distribution(4),
        distribution(4),
        fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
        (pre, old, delta) => {
          const small = projectOntoTrustRegion(pre, old, delta);
          expect(klOf(small.pi, old)).toBeLessThanOrEqual(delta + 1e-12);
          const large = projectOntoTrustRegion(pre, old, 2 * delta);
          expect(large.w).toBeGreaterThanOrEqual(small.w);
          if (small.active) expect(large.w).toBeGreaterThan(small.w);
          const none = projectOntoTrustRegion(pre, old, 0);
          none.pi.forEach((p, v) => {
            expect(p).toBeCloseTo(old[v], 12);
          });
          expect([none.w, none.lam]).toEqual([0, Infinity]);
          const all = projectOntoTrustRegion(pre, old, 100);
          all.pi.forEach((p, v) => {
            expect(p).toBeCloseTo(pre[v], 12);
          });
          expect([all.w, all.lam, all.active]).toEqual([1, 0, false]);
        },
      ),
    );
  });

  it('is at least as good as every other point of the ball', () => {
    fc.assert(
      fc.property(distribution(3), distribution(3), distribution(3), (pre, old, other) => {
        const { pi } = projectOntoTrustRegion(pre, old, 0.05);
        // the random distribution `other` is moved towards `old` until it lies inside the KL ball
        let rival = other;
        while (klOf(rival, old) > 0.05) rival = rival.map((p, v) => 0.9 * p + 0.1 * old[v]);
        expect(klOf(pi, pre)).toBeLessThanOrEqual(klOf(rival, pre) + 1e-9);
      }),
    );
  });

  it('floors a replacement that excludes an action of old, and keeps actions that old excludes at 0', () => {
    const floored = projectOntoTrustRegion([1, 0], [0.5, 0.5], 0.01);
    expect(floored.klOld).toBeLessThanOrEqual(0.01);
    expect(floored.w).toBeGreaterThan(0);
    const excluded = projectOntoTrustRegion([0.5, 0.25, 0.25], [0.5, 0.5, 0], 10);
    expect(excluded.pi[2]).toBe(0);
    expect(excluded.klOld).toBeLessThanOrEqual(10);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => projectOntoTrustRegion([1], [0.5, 0.5], 1)).toThrow(DomainError);
    expect(() => projectOntoTrustRegion([0.5, 0.4], [0.5, 0.5], 1)).toThrow(
      'expected pre_V to sum to 1, got 0.9',
    );
    expect(() => projectOntoTrustRegion([1], [1], Number.NaN)).toThrow('expected delta0 in nats, got NaN');
  });
});

describe('swapCovariance', () => {
  const tables = {
    occupancy_S: [1],
    old_S: [[0.95, 0.05]],
    pre_S: [[0.02, 0.98]],
    advantage_S: [[0.0355, -0.6745]],
  };

  it("is -0.2306 for the coordination example, in which the better agent lowers the team's J", () => {
    expect(swapCovariance(tables)).toBeCloseTo(-0.2305528441261694, 12);
    expect(swapCovariance({ ...tables, w_S: [0.5] })).toBeCloseTo(-0.2305528441261694 / 2, 12);
  });

  it('is the first-order gain of the aligned swap', () => {
    fc.assert(
      fc.property(
        distribution(3),
        distribution(3),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (old, pre, a) => {
          const mean = old.reduce((sum, p, v) => sum + p * a[v], 0);
          const advantage = a.map((x) => x - mean);
          const { pi, w, active } = projectOntoTrustRegion(pre, old, 1e-8);
          fc.pre(active);
          const gain = pi.reduce((sum, p, v) => sum + p * advantage[v], 0);
          const first = swapCovariance({
            occupancy_S: [1],
            old_S: [old],
            pre_S: [pre],
            advantage_S: [advantage],
            w_S: [w],
          });
          // The difference between the true gain and its first-order prediction is of second order in the
          // step. A KL of 1e-8 corresponds to a step of about 1e-4.
          expect(Math.abs(gain - first)).toBeLessThan(1e-6);
        },
      ),
    );
  });

  it('has an unbiased estimate from messages drawn from old', () => {
    const { old_S, pre_S, advantage_S } = tables;
    // 20 messages in exactly the proportions of the old policy
    const drawn = [...new Array(19).fill(0), 1];
    const estimate = sampledSwapCovariance({
      advantages_N: drawn.map((a) => advantage_S[0][a]),
      logpPre_N: drawn.map((a) => Math.log(pre_S[0][a])),
      logpOld_N: drawn.map((a) => Math.log(old_S[0][a])),
    });
    expect(estimate).toBeCloseTo(swapCovariance(tables), 12);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => swapCovariance({ ...tables, pre_S: [] })).toThrow(
      'swapCovariance: expected 1 replacement policies, got 0',
    );
    expect(() => sampledSwapCovariance({ advantages_N: [], logpPre_N: [], logpOld_N: [] })).toThrow(
      'expected at least 1 sample, got 0',
    );
    expect(() =>
      sampledSwapCovariance({ advantages_N: [1], logpPre_N: [-Infinity], logpOld_N: [0] }),
    ).toThrow('expected finite logpPre_N[0], got -Infinity');
  });
});
