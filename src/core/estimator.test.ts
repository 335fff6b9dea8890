import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupRelativeAdvantages } from './advantage.ts';
import { DomainError } from './errors.ts';
import {
  aggregateOwnTurns,
  temporalDifferences,
  truncatedGae,
  truncatedGaeBiasBound,
  vtraceAdvantages,
} from './estimator.ts';
import { prefixWeights } from './weights.ts';

const DELTA = [0.5, -0.25, 1, 0.125];
const C = [0.9, 0.5, 1, 0.7];
const trace = { gamma: 0.9, lam: 0.8 };
const deltas = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 1, maxLength: 8 });
const close = (got: ArrayLike<number>, want: ArrayLike<number>, digits = 12) => {
  expect(got.length).toBe(want.length);
  Array.from(got).forEach((x, i) => {
    expect(x).toBeCloseTo(want[i], digits);
  });
};

describe('temporalDifferences', () => {
  it('bootstraps from the last value, 0 at a true end', () => {
    close(temporalDifferences([1, 2], [0.5, 0.25], { gamma: 0.5 }), [0.625, 1.75]);
    close(temporalDifferences([1, 2], [0.5, 0.25], { gamma: 0.5, lastValue: 4 }), [0.625, 3.75]);
    close(temporalDifferences([], []), []);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => temporalDifferences([1], [])).toThrow(DomainError);
    expect(() => temporalDifferences([1], [])).toThrow('temporalDifferences: expected 1 values, got 0');
    expect(() => temporalDifferences([1], [Number.NaN])).toThrow('expected finite values[0], got NaN');
    expect(() => temporalDifferences([1], [1], { gamma: 1.1 })).toThrow('expected gamma in [0, 1], got 1.1');
  });
});

describe('truncatedGae', () => {
  it('matches a Python recursion', () => {
    close(truncatedGae(DELTA, C, trace), [0.6855296, 0.51536, 1.063, 0.125], 14);
  });

  it('is GAE if every weight is 1: the discounted sum of differences', () => {
    fc.assert(
      fc.property(deltas, (delta) => {
        const gae = truncatedGae(
          delta,
          delta.map(() => 1),
          trace,
        );
        gae.forEach((a, t) => {
          const direct = delta.slice(t).reduce((sum, d, l) => sum + 0.72 ** l * d, 0);
          expect(a).toBeCloseTo(direct, 10);
        });
      }),
    );
  });

  it('does not use the first weight, and stops at a weight of 0', () => {
    expect(truncatedGae(DELTA, [0, ...C.slice(1)], trace)).toEqual(truncatedGae(DELTA, C, trace));
    expect(truncatedGae(DELTA, [1, 0, 1, 1], trace)[0]).toBe(0.5);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => truncatedGae([1], [])).toThrow('truncatedGae: expected 1 weights, got 0');
    expect(() => truncatedGae([1], [1], { lam: -1 })).toThrow('expected lam in [0, 1], got -1');
  });
});

describe('vtraceAdvantages', () => {
  it('matches a Python recursion', () => {
    close(
      vtraceAdvantages(DELTA, { rho: [0.9, 0.5, 3, 0.7], c: C }, trace),
      [1.379912, 2.5067, 1.07875, 0.125],
      14,
    );
  });

  it('adds the GAE of the next turn without decay if no policy changed', () => {
    // with all importance weights ρ = c = 1, V-trace's X_t (E16) is the GAE advantage, so A_t = δ_t + γ
    // GAE_{t+1}
    const one = DELTA.map(() => 1);
    const gae = truncatedGae(DELTA, one, trace);
    close(
      vtraceAdvantages(DELTA, { rho: one, c: one }, trace),
      DELTA.map((d, t) => d + 0.9 * (gae[t + 1] ?? 0)),
    );
  });

  it('caps rho at rhoCap', () => {
    const weights = { rho: [1, 50], c: [1, 1] };
    expect(vtraceAdvantages([0, 1], weights, { ...trace, rhoCap: 10 })[0]).toBe(9);
    expect(vtraceAdvantages([0, 1], weights, trace)[0]).toBe(45);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => vtraceAdvantages([1], { rho: [], c: [1] })).toThrow('expected 1 ratios, got 0');
    expect(() => vtraceAdvantages([1], { rho: [1], c: [1] }, { rhoCap: 0 })).toThrow(
      'expected rhoCap > 0, got 0',
    );
  });
});

describe('aggregateOwnTurns', () => {
  it('is the mean over own turns, with and without prefix weights', () => {
    expect(aggregateOwnTurns([1, 2, 4], [0, 2])).toBe(2.5);
    expect(aggregateOwnTurns([1, 2, 4], [0, 2], [1, 0.5, 0.25])).toBe(1);
    expect(aggregateOwnTurns([1, 2], [])).toBe(0);
  });

  it('equals the group-relative advantage with a constant critic, for any own turns', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            c: fc.array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
            reward: fc.double({ min: -1, max: 1, noNaN: true }),
            own: fc.nat(4),
          }),
          { minLength: 2, maxLength: 6 },
        ),
        (episodes) => {
          const prefix = episodes.map(({ c }) => prefixWeights(c));
          const omega = prefix.map((W) => W.at(-1) ?? 1);
          const total = omega.reduce((a, b) => a + b, 0);
          const baseline = episodes.reduce((sum, { reward }, g) => sum + omega[g] * reward, 0) / total;
          const want = groupRelativeAdvantages(
            episodes.map((e) => e.reward),
            omega,
            episodes.map(() => 0),
          );
          episodes.forEach(({ c, reward, own }, g) => {
            const rewards = c.map((_, t) => (t === c.length - 1 ? reward : 0));
            const delta = temporalDifferences(
              rewards,
              c.map(() => baseline),
            );
            const advantages = truncatedGae(delta, c, { gamma: 1, lam: 1 });
            expect(aggregateOwnTurns(advantages, [own % c.length], prefix[g])).toBeCloseTo(want[g], 10);
          });
        },
      ),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => aggregateOwnTurns([1], [1])).toThrow('aggregateOwnTurns: expected turns 0..0, got 1');
    expect(() => aggregateOwnTurns([1], [0], [])).toThrow('expected 1 prefix weights, got 0');
  });
});

describe('truncatedGaeBiasBound', () => {
  it('is 0 without a policy change and infinite without decay', () => {
    expect(truncatedGaeBiasBound({ aMax: 1, tvMax: 0 }, { gamma: 1, lam: 1 })).toBe(0);
    expect(truncatedGaeBiasBound({ aMax: 1, tvMax: 0.1 }, { gamma: 1, lam: 1 })).toBe(Infinity);
    expect(truncatedGaeBiasBound({ aMax: 2, tvMax: 0.1 }, { gamma: 1, lam: 0.5 })).toBeCloseTo(0.2, 15);
  });
});
