import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logSoftmax, stateDivergence } from './divergence.ts';
import { DomainError } from './errors.ts';
import { mixtureLogp, mixturePair, mixtureWeight, weightAfterSteps } from './mixture.ts';

const logits = (size: number) =>
  fc.array(fc.double({ min: -12, max: 12, noNaN: true }), { minLength: size, maxLength: size });
const pairs = fc
  .integer({ min: 2, max: 9 })
  .chain((size) => fc.tuple(logits(size), logits(size)))
  .map(([pre, old]) => mixturePair(logSoftmax(pre), logSoftmax(old)));
const radii = fc.double({ min: 1e-8, max: 5, noNaN: true });

describe('mixtureWeight', () => {
  it('stays within the radius by direct computation, and uses all of it unless w = 1', () => {
    fc.assert(
      fc.property(pairs, radii, fc.double({ min: 0, max: 1, noNaN: true }), (pair, delta, from) => {
        const w = mixtureWeight(pair, from, delta);
        const { klNewOld } = stateDivergence(mixtureLogp(pair, w), mixtureLogp(pair, from));
        expect(klNewOld).toBeLessThanOrEqual(delta + 1e-13);
        expect(w).toBeGreaterThanOrEqual(from);
        if (w < 1) expect(klNewOld).toBeGreaterThanOrEqual(delta * (1 - 1e-6) - 1e-12);
      }),
      { numRuns: 1000 },
    );
  });

  it('matches bisection', () => {
    fc.assert(
      fc.property(pairs, radii, (pair, delta) => {
        const klAt = (w: number) => stateDivergence(mixtureLogp(pair, w), pair.logpOld_V).klNewOld;
        let [low, high] = [0, 1];
        for (let i = 0; i < 60; i++) {
          const middle = (low + high) / 2;
          if (klAt(middle) <= delta) low = middle;
          else high = middle;
        }
        expect(mixtureWeight(pair, 0, delta)).toBeCloseTo(klAt(1) <= delta ? 1 : low, 5);
      }),
    );
  });

  it("returns the centre's weight at a radius of 0, and 1 for equal policies", () => {
    const pair = mixturePair(logSoftmax([1, 2, 3]), logSoftmax([3, 2, 1]));
    expect([0, -1].map((delta) => mixtureWeight(pair, 0.25, delta))).toEqual([0.25, 0.25]);
    const same = mixturePair(logSoftmax([1, 2, 3]), logSoftmax([1, 2, 3]));
    expect(mixtureWeight(same, 0, 1e-9)).toBe(1);
  });

  it('keeps tokens with old probability 0 at 0 below w = 1', () => {
    const pair = mixturePair(logSoftmax([0, 0, 0]), logSoftmax([0, 1, -Infinity]));
    const w = mixtureWeight(pair, 0, 0.01);
    expect(w).toBeGreaterThan(0);
    expect(w).toBeLessThan(1);
    expect(mixtureLogp(pair, w)[2]).toBe(-Infinity);
  });

  it('throws for NaN and for a weight outside [0, 1]', () => {
    const pair = mixturePair(logSoftmax([0, 1]), logSoftmax([1, 0]));
    expect(() => mixtureWeight(pair, 0, Number.NaN)).toThrow(DomainError);
    expect(() => mixtureWeight(pair, 1.5, 0.1)).toThrow('expected from in 0..1, got 1.5');
    expect(() => mixturePair([0], [0, 0])).toThrow(DomainError);
  });
});

describe('weightAfterSteps', () => {
  it('increases with every step and reaches 1 after enough steps', () => {
    const pair = mixturePair(logSoftmax([0, 4, 0]), logSoftmax([4, 0, 1]));
    const steps = Array.from({ length: 200 }, () => 0.02);
    const weights = steps.map((_, k) => weightAfterSteps(pair, steps.slice(0, k)));
    weights.slice(1).forEach((w, k) => {
      expect(w).toBeGreaterThanOrEqual(weights[k]);
    });
    expect(weights[0]).toBe(0);
    expect(weights.at(-1)).toBe(1);
  });

  it('keeps every step within its own radius', () => {
    fc.assert(
      fc.property(pairs, fc.array(radii, { minLength: 1, maxLength: 6 }), (pair, steps) => {
        steps.forEach((delta, k) => {
          const before = mixtureLogp(pair, weightAfterSteps(pair, steps.slice(0, k)));
          const after = mixtureLogp(pair, weightAfterSteps(pair, steps.slice(0, k + 1)));
          expect(stateDivergence(after, before).klNewOld).toBeLessThanOrEqual(delta + 1e-13);
        });
      }),
    );
  });
});
