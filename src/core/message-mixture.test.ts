import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { messageMixture } from './message-mixture.ts';
import { projectOntoTrustRegion } from './projection.ts';
import { randomStream } from './rng.ts';

/** Returns N candidate messages, drawn alternately from two policies over four messages. */
const PRE = [0.1, 0.2, 0.3, 0.4];
const CUR = [0.4, 0.3, 0.2, 0.1];

function candidates(N: number) {
  const stream = randomStream(11);
  const draw = (p: readonly number[]): number => {
    const u = stream.uniform();
    const sums = p.map((_, m) => p.slice(0, m + 1).reduce((sum, x) => sum + x, 0));
    return Math.max(
      0,
      sums.findIndex((sum) => u < sum),
    );
  };
  const messages = Array.from({ length: N }, (_, n) => draw(n % 2 === 0 ? PRE : CUR));
  return {
    messages,
    logpPre_N: messages.map((m) => Math.log(PRE[m])),
    logpOld_N: messages.map((m) => Math.log(CUR[m])),
  };
}

describe('messageMixture', () => {
  it('converges to the exact projection with the number of candidates', () => {
    const { messages, ...scored } = candidates(40_000);
    const estimated = messageMixture(scored, 0.05);
    const exact = projectOntoTrustRegion(PRE, CUR, 0.05);
    expect(estimated.w).toBeCloseTo(exact.w, 1);
    expect(estimated.klEstimate).toBeLessThanOrEqual(0.05);
    exact.pi.forEach((p, m) => {
      const mass = estimated.probability_N.reduce((sum, q, n) => sum + (messages[n] === m ? q : 0), 0);
      expect(mass).toBeCloseTo(p, 1);
    });
  });

  it('weights candidates by the incumbent at radius 0 and by the replacement at a large radius', () => {
    const { messages, ...scored } = candidates(2000);
    const none = messageMixture(scored, 0);
    expect([none.w, none.klEstimate < 0.01]).toEqual([0, true]);
    expect(messageMixture(scored, 100).w).toBe(1);
    expect(none.ess).toBeLessThanOrEqual(2000);
    expect(none.ess).toBeGreaterThan(500);
    expect(messages.length).toBe(2000);
  });

  it('keeps its estimated KL within the radius for any two policies', () => {
    const stream = randomStream(12);
    for (let round = 0; round < 200; round++) {
      const N = 2 + Math.floor(stream.uniform() * 20);
      const logp = () => Float64Array.from({ length: N }, () => -80 * stream.uniform());
      const mixture = messageMixture({ logpPre_N: logp(), logpOld_N: logp() }, 0.3);
      expect(mixture.klEstimate).toBeLessThanOrEqual(0.3 + 1e-12);
      expect(mixture.probability_N.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
      expect(mixture.ess).toBeGreaterThanOrEqual(1 - 1e-9);
    }
  });

  it('throws without candidates and for numbers that are not finite', () => {
    expect(() => messageMixture({ logpPre_N: [], logpOld_N: [] }, 1)).toThrow(DomainError);
    expect(() => messageMixture({ logpPre_N: [Number.NaN], logpOld_N: [0] }, 1)).toThrow('candidate 0');
  });
});
