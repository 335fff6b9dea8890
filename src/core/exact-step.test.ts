import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { exactStep } from './exact-step.ts';

const CUR = [0.2, 0.3, 0.5];
const distribution = fc
  .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 })
  .map((x) => x.map((v) => v / x.reduce((a, b) => a + b, 0)));
// scores are multiples of 1/16, so that two scores are equal or clearly different
const scores = fc.array(
  fc.integer({ min: -48, max: 48 }).map((k) => k / 16),
  { minLength: 4, maxLength: 4 },
);
const klOf = (p: ArrayLike<number>, q: ArrayLike<number>) =>
  Array.from(p).reduce((sum, x, v) => sum + (x > 0 ? x * Math.log(x / q[v]) : 0), 0);

describe('exactStep', () => {
  it("matches SciPy's constrained maximiser", () => {
    // expected values from SciPy: maximize <pi, s> subject to KL(pi||old) <= .05, by SLSQP over logits
    const { pi, gain, kl } = exactStep(CUR, [1, 0.2, -0.5], 0.05);
    [0.31857663107236484, 0.31558217274954714, 0.36584119617808797].forEach((p, v) => {
      expect(pi[v]).toBeCloseTo(p, 6);
    });
    expect(gain).toBeCloseTo(0.1887724675332303, 8);
    expect(kl).toBeCloseTo(0.05, 12);
  });

  it('returns the best actions, ties in proportion to the old policy, if the ball contains them', () => {
    const { pi, eta, kl } = exactStep(CUR, [1, 1, 0], 5);
    expect([...pi]).toEqual([expect.closeTo(0.4, 15), expect.closeTo(0.6, 15), 0]);
    expect(eta).toBe(Infinity);
    expect(kl).toBeCloseTo(Math.LN2, 14);
  });

  it('returns the old policy at radius 0 and for equal scores', () => {
    expect(exactStep(CUR, [1, 2, 3], 0)).toMatchObject({ eta: 0, kl: 0, gain: 0 });
    const flat = exactStep(CUR, [2, 2, 2], 0.1);
    expect(flat.gain).toBeCloseTo(0, 15);
    expect(flat.kl).toBeCloseTo(0, 15);
  });

  it('keeps actions with old probability 0 at 0', () => {
    expect(exactStep([0.5, 0.5, 0], [0, 1, 9], 10).pi[2]).toBe(0);
  });

  it('lies inside the ball, has a non-negative gain, and is at least as good as any other point of the ball', () => {
    fc.assert(
      fc.property(
        distribution,
        scores,
        distribution,
        fc.double({ min: 1e-5, max: 0.5, noNaN: true }),
        (old, score, other, delta) => {
          const { pi, gain, kl } = exactStep(old, score, delta);
          expect(klOf(pi, old)).toBeLessThanOrEqual(delta + 1e-12);
          expect(kl).toBeCloseTo(klOf(pi, old), 12);
          expect(gain).toBeGreaterThanOrEqual(-1e-15);
          let rival = other;
          while (klOf(rival, old) > delta) rival = rival.map((p, v) => 0.8 * p + 0.2 * old[v]);
          const rivalGain = rival.reduce((sum, p, v) => sum + (p - old[v]) * score[v], 0);
          expect(gain).toBeGreaterThanOrEqual(rivalGain - 1e-9);
        },
      ),
    );
  });

  it('gains more in a larger ball and does not depend on the scale of the score', () => {
    fc.assert(
      fc.property(distribution, scores, (old, score) => {
        const small = exactStep(old, score, 0.01);
        expect(exactStep(old, score, 0.02).gain).toBeGreaterThanOrEqual(small.gain - 1e-12);
        const scaled = exactStep(
          old,
          score.map((s) => 1000 * s + 5),
          0.01,
        );
        scaled.pi.forEach((p, v) => {
          expect(p).toBeCloseTo(small.pi[v], 6);
        });
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => exactStep([1], [1, 2], 0.1)).toThrow(DomainError);
    expect(() => exactStep([0.5, 0.6], [1, 2], 0.1)).toThrow(
      'exactStep: expected old_V to sum to 1, got 1.1',
    );
    expect(() => exactStep([1], [Number.NaN], 0.1)).toThrow('expected finite score_V[0], got NaN');
    expect(() => exactStep([1], [1], Number.NaN)).toThrow('expected delta in nats, got NaN');
  });
});
