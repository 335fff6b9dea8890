import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KlEstimator } from './divergence.ts';
import { agentObjective, sampledKlPenalty } from './kl-penalty.ts';
import { sequenceObjective } from './objective.ts';

const row = fc.array(
  fc.tuple(fc.double({ min: -3, max: -0.1, noNaN: true }), fc.double({ min: -1, max: 1, noNaN: true })),
  { maxLength: 4 },
);

describe('sampledKlPenalty', () => {
  it('averages over all tokens, not over messages', () => {
    const { klMean, tokens, loss } = sampledKlPenalty(
      { logpNew: [[-1, -1], [-0.5], []], logpOld: [[-1, -1], [-1], []] },
      { beta: 2 },
    );
    const k = Math.exp(0.5) * (0.5 - 1) + 1;
    expect(tokens).toBe(3);
    expect(klMean).toBeCloseTo(k / 3, 15);
    expect(loss).toBeCloseTo((2 * k) / 3, 15);
  });

  it('returns the gradient of its loss for every estimator', () => {
    for (const estimator of ['k1', 'k2', 'k3', 'k1n', 'k3n'] satisfies KlEstimator[])
      fc.assert(
        fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
          const logpOld = rows.map((r) => r.map(([old]) => old));
          const logpNew = rows.map((r) => r.map(([old, shift]) => old + shift));
          const options = { beta: 0.3, estimator };
          const { cotangents } = sampledKlPenalty({ logpNew, logpOld }, options);
          cotangents.forEach((c, g) => {
            c.forEach((x, t) => {
              const at = (h: number) => {
                const moved = logpNew.map((r, k) => r.map((y, i) => (k === g && i === t ? y + h : y)));
                return sampledKlPenalty({ logpNew: moved, logpOld }, options).loss;
              };
              expect(Math.abs(x - (at(1e-6) - at(-1e-6)) / 2e-6)).toBeLessThan(1e-6);
            });
          });
        }),
        { numRuns: 20 },
      );
  });

  it('is 0 without tokens and throws for invalid input', () => {
    expect(sampledKlPenalty({ logpNew: [[]], logpOld: [[]] }, { beta: 1 }).loss).toBe(0);
    expect(() => sampledKlPenalty({ logpNew: [[]], logpOld: [] }, { beta: 1 })).toThrow(
      'expected 1 rows of logpOld',
    );
    expect(() => sampledKlPenalty({ logpNew: [], logpOld: [] }, { beta: -1 })).toThrow(
      'expected beta >= 0, got -1',
    );
  });
});

describe('agentObjective', () => {
  it('is the policy loss plus the penalty, in value and cotangents', () => {
    const input = { logpNew: [[-1, -0.8], [-2]], logpOld: [[-1.1, -0.9], [-1.9]], advantages: [1, -1] };
    const policy = sequenceObjective(input);
    const penalty = sampledKlPenalty(input, { beta: 0.1 });
    const whole = agentObjective(input, { beta: 0.1 });
    expect(whole.policyLoss).toBe(policy.loss);
    expect(whole.loss).toBe(policy.loss + penalty.loss);
    expect(whole.klMean).toBe(penalty.klMean);
    whole.cotangents.forEach((c, g) => {
      c.forEach((x, t) => {
        expect(x).toBe(policy.cotangents[g][t] + penalty.cotangents[g][t]);
      });
    });
  });
});
