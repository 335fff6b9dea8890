import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactKl, logSoftmax, messageSums, sampledKl, stateDivergence } from './divergence.ts';
import { DomainError } from './errors.ts';

const logits = (n: number) =>
  fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: n, maxLength: n });

describe('logSoftmax', () => {
  it('normalises, even if exp would overflow or underflow', () => {
    expect([...logSoftmax([1000, 1000])]).toEqual([-Math.LN2, -Math.LN2].map((x) => expect.closeTo(x, 12)));
    expect([...logSoftmax([-1000, -1001])].reduce((s, x) => s + Math.exp(x), 0)).toBeCloseTo(1, 14);
    expect(logSoftmax([0, -Infinity])[1]).toBe(-Infinity);
  });

  it('divides by the temperature', () => {
    expect(logSoftmax([2, 0], 2)[0]).toBeCloseTo(logSoftmax([1, 0])[0], 15);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => logSoftmax([1], 0)).toThrow('logSoftmax: expected temperature > 0, got 0');
    expect(() => logSoftmax([1, Number.NaN])).toThrow('expected a number at logits_V[1], got NaN');
    expect(() => logSoftmax([])).toThrow(DomainError);
    expect(() => logSoftmax([-Infinity])).toThrow('expected a finite largest logit');
  });
});

describe('exactKl', () => {
  it('matches SciPy', () => {
    // expected values computed with SciPy, where P, Q = softmax(z/.7): rel_entr(P, Q).sum(),
    // rel_entr(Q, P).sum(), abs(P-Q).sum()/2
    const kl = exactKl([1, -0.5, 2, 0.25], [0.5, 0.5, 1, -1], { temperature: 0.7 });
    expect(kl.klNewOld).toBeCloseTo(0.24663973692953406, 14);
    expect(kl.klOldNew).toBeCloseTo(0.4371892660724002, 14);
    expect(kl.tv).toBeCloseTo(0.28239639463395344, 14);
  });

  it('returns the gradients of its values (central differences)', () => {
    fc.assert(
      fc.property(
        logits(4),
        logits(4),
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        (zNew, zOld, temperature) => {
          const { gradNewOld, gradOldNew } = exactKl(zNew, zOld, { temperature });
          zNew.forEach((_, v) => {
            const at = (h: number) =>
              exactKl(
                zNew.map((z, i) => (i === v ? z + h : z)),
                zOld,
                { temperature },
              );
            const [up, down] = [at(1e-5), at(-1e-5)];
            expect(gradNewOld[v]).toBeCloseTo((up.klNewOld - down.klNewOld) / 2e-5, 5);
            expect(gradOldNew[v]).toBeCloseTo((up.klOldNew - down.klOldNew) / 2e-5, 5);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is non-negative and shift-invariant, and satisfies Pinsker's inequality in both directions", () => {
    fc.assert(
      fc.property(logits(5), logits(5), (zNew, zOld) => {
        const kl = exactKl(zNew, zOld);
        expect(kl.klNewOld).toBeGreaterThanOrEqual(0);
        expect(kl.tv).toBeLessThanOrEqual(Math.sqrt(kl.klNewOld / 2) + 1e-7);
        expect(kl.tv).toBeLessThanOrEqual(Math.sqrt(kl.klOldNew / 2) + 1e-7);
        const moved = exactKl(
          zNew.map((z) => z + 3),
          zOld,
        );
        expect(moved.klNewOld).toBeCloseTo(kl.klNewOld, 12);
        expect(kl.gradNewOld.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 12);
      }),
    );
  });

  it('includes mass on a token that the old policy almost never draws; a sample does not', () => {
    // example G6 of docs/algorithm.md: the old policy is (1-1e-6, 1e-6), the new one (.95, .05)
    const old = [Math.log1p(-1e-6), Math.log(1e-6)];
    const next = [Math.log(0.95), Math.log(0.05)];
    expect(stateDivergence(next, old).klNewOld).toBeCloseTo(0.4922612345528162, 12);
    expect(sampledKl(next[0] - old[0], 'k3').value).toBeCloseTo(0.0012932443880005334, 12);
  });

  it('is infinite if the support grows and finite if it shrinks', () => {
    const grows = stateDivergence([Math.log(0.5), Math.log(0.5)], [0, -Infinity]);
    expect(grows.klNewOld).toBe(Infinity);
    expect(grows.klOldNew).toBeCloseTo(Math.LN2, 15);
    expect(grows.tv).toBe(0.5);
  });

  it('is NaN if any log-probability is NaN', () => {
    const even = [Math.log(0.5), Math.log(0.5)];
    for (const broken of [
      [Number.NaN, Math.log(0.5)],
      [0, Number.NaN],
    ])
      for (const [next, old] of [
        [broken, even],
        [even, broken],
        [broken, [0, -Infinity]],
        [[0, -Infinity], broken],
      ])
        expect(stateDivergence(next, old)).toEqual({
          klNewOld: Number.NaN,
          klOldNew: Number.NaN,
          tv: Number.NaN,
        });
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => exactKl([0], [0, 0])).toThrow('stateDivergence: expected 1 old log-probabilities, got 2');
  });
});

describe('sampledKl', () => {
  it('returns its slope, 0 at equality for the estimators that are divergences', () => {
    for (const estimator of ['k2', 'k3', 'k3n'] as const)
      expect(sampledKl(0, estimator)).toEqual({ value: 0, slope: 0 });
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (x) => {
        for (const estimator of ['k1', 'k2', 'k3', 'k1n', 'k3n'] as const) {
          const numeric =
            (sampledKl(x + 1e-6, estimator).value - sampledKl(x - 1e-6, estimator).value) / 2e-6;
          expect(sampledKl(x, estimator).slope).toBeCloseTo(numeric, 5);
        }
      }),
    );
  });

  it('is unbiased for its direction, in value and gradient', () => {
    fc.assert(
      fc.property(logits(4), logits(4), (zNew, zOld) => {
        const p = logSoftmax(zNew);
        const q = logSoftmax(zOld);
        const kl = exactKl(zNew, zOld);
        const mean = (estimator: 'k1' | 'k3' | 'k1n' | 'k3n') =>
          q.reduce((sum, logq, v) => sum + Math.exp(logq) * sampledKl(p[v] - logq, estimator).value, 0);
        fc.pre(p.every((logp, v) => Math.abs(logp - q[v]) < 10));
        expect(mean('k1')).toBeCloseTo(kl.klOldNew, 9);
        expect(mean('k3')).toBeCloseTo(kl.klOldNew, 9);
        expect(mean('k1n')).toBeCloseTo(kl.klNewOld, 9);
        expect(mean('k3n')).toBeCloseTo(kl.klNewOld, 9);
        // the gradient with respect to logit z_v is E_old[slope · ∂logp(x)/∂z_v] over tokens x, where
        // ∂logp(x)/∂z_v = [x = v] − p_v
        const slopes = q.map((logq, x) => Math.exp(logq) * sampledKl(p[x] - logq).slope);
        const total = slopes.reduce((a, b) => a + b, 0);
        slopes.forEach((slope, v) => {
          expect(slope - Math.exp(p[v]) * total).toBeCloseTo(kl.gradNewOld[v], 9);
        });
      }),
      { numRuns: 50 },
    );
  });

  it('is constant beyond 10 nats', () => {
    expect(sampledKl(12, 'k3n')).toEqual({ value: sampledKl(10, 'k3n').value, slope: 0 });
    expect(sampledKl(-12, 'k1')).toEqual({ value: 10, slope: 0 });
    expect(sampledKl(10, 'k2').slope).toBe(10);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => sampledKl(Number.NaN)).toThrow('sampledKl: expected a log-ratio, got NaN');
  });
});

describe('messageSums', () => {
  it('sums over a message, or over all messages of a trajectory in order of first appearance', () => {
    expect([...messageSums([[1, 2], [], [0.5]])]).toEqual([3, 0, 0.5]);
    expect([...messageSums([[1, 2], [4], [0.5]], [7, 3, 7])]).toEqual([3.5, 4]);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => messageSums([[1]], [])).toThrow('messageSums: expected 1 trajectory labels, got 0');
  });
});
