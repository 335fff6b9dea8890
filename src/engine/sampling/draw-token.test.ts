import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { drawToken } from './draw-token.ts';

/** Computes a softmax independently of the code under test, stabilized by subtracting the largest logit. */
function softmax(logits: ArrayLike<number>, temperature: number): number[] {
  const scaled = Array.from(logits, (z) => z / temperature);
  const max = Math.max(...scaled);
  const weights = scaled.map((z) => Math.exp(z - max));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

const NEARLY_ONE = 1 - 2 ** -53;
const anyLogits = fc
  .float32Array({ minLength: 1, maxLength: 12, min: -60, max: 60, noNaN: true })
  .map((values) => Float32Array.from(values));

describe('drawToken', () => {
  it('assigns each token an interval of [0, 1) as long as its probability', () => {
    const logits = Float32Array.from([0.5, 0.125, 0.25, 0.125], Math.log);
    const shares = [0, 0.25, 0.499, 0.501, 0.624, 0.626, 0.874, 0.876, NEARLY_ONE];
    expect(shares.map((u) => drawToken(logits, 1, u).token)).toEqual([0, 0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it('returns the exact log-probability of the drawn token', () => {
    fc.assert(
      fc.property(
        anyLogits,
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        fc.double({ min: 0, max: NEARLY_ONE, noNaN: true }),
        (logits, temperature, u) => {
          const { token, logp } = drawToken(logits, temperature, u);
          const p = softmax(logits, temperature);
          expect(p[token]).toBeGreaterThan(0);
          expect(Math.exp(logp)).toBeCloseTo(p[token] as number, 12);
          // the uniform draw u is in the drawn token's interval of the cumulative distribution
          const below = p.slice(0, token).reduce((sum, x) => sum + x, 0);
          expect(u).toBeGreaterThanOrEqual(below - 1e-12);
          expect(u).toBeLessThan(below + (p[token] as number) + 1e-12);
        },
      ),
    );
  });

  it.each([0.5, 1, 2])('draws with the frequencies of softmax(z / %d) (chi-square)', (temperature) => {
    const logits = Float32Array.of(0.3, -1, 2, 0, 1.1, -0.4, 0.3, 1.9);
    const p = softmax(logits, temperature);
    const counts = p.map(() => 0);
    const draws = 20_000;
    const stream = randomStream(61);
    for (let n = 0; n < draws; n++) counts[drawToken(logits, temperature, stream.uniform()).token]!++;
    const chiSquare = p.reduce(
      (sum, share, v) => sum + (counts[v]! - draws * share) ** 2 / (draws * share),
      0,
    );
    // 29.88 is the 0.9999 quantile of the chi-square distribution with 7 degrees of freedom
    // (scipy.stats.chi2.ppf(0.9999, 7)); the seed is fixed, so the test does not fail at random
    expect(chiSquare).toBeLessThan(29.88);
  });

  it('handles extreme logits', () => {
    expect(drawToken(Float32Array.of(-3e38, 3e38, 0), 1, 0.5)).toEqual({ token: 1, logp: 0 });
    expect(drawToken(Float32Array.of(-3e38, -3e38), 1, 0.75)).toEqual({ token: 1, logp: -Math.LN2 });
    expect(drawToken(Float32Array.of(-Infinity, 1, -Infinity), 1, 0)).toEqual({ token: 1, logp: 0 });
    expect(drawToken(Float32Array.of(1000, 0), 1e-30, NEARLY_ONE)).toEqual({ token: 0, logp: 0 });
    expect(drawToken(Float32Array.of(5), 1, NEARLY_ONE)).toEqual({ token: 0, logp: 0 });
  });

  it('never draws a token of probability 0, even for the smallest and largest uniforms', () => {
    const logits = Float32Array.of(-2000, 0, 0.1, -2000);
    expect(drawToken(logits, 1, 0).token).toBe(1);
    expect(drawToken(logits, 1, NEARLY_ONE).token).toBe(2);
  });

  it.each([
    ['NaN', Float32Array.of(0, NaN, 1)],
    ['nothing but NaN', Float32Array.of(NaN, NaN)],
    ['+Infinity', Float32Array.of(0, Infinity)],
    ['nothing but -Infinity', Float32Array.of(-Infinity, -Infinity)],
  ])('throws for %s', (_, logits) => {
    expect(() => drawToken(logits, 1, 0.5)).toThrow('expected logits that are numbers, got NaN');
  });
});
