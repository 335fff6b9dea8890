import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certifyStep, paperBound, paperBoundCeiling, stageLowerBound } from './certificate.ts';
import { DomainError } from './errors.ts';
import { randomStream } from './rng.ts';

describe('paperBound', () => {
  it("is -47,062 at the paper's own settings for a reward in [0, 1]", () => {
    const bound = paperBound({
      gain: [0, 0, 0],
      delta: [0.05, 0.05, 0.05],
      zeta: [0, 0, 0],
      trajectories: [512, 512, 512],
      gamma: 0.99,
      aMax: 5,
      confidence: 0.05,
    });
    expect(bound.occupancy).toBeCloseTo(46959.8, 0);
    expect(bound.finiteSample).toBeCloseTo(102.56, 1);
    expect(bound.lower).toBeCloseTo(-47062.4, 0);
  });

  it('is never positive for gamma >= 1/2 if no gain exceeds the largest possible one', () => {
    const step = fc.record({
      delta: fc.double({ min: 1e-8, max: 1, noNaN: true }),
      share: fc.double({ min: -1, max: 1, noNaN: true }),
      zeta: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0.5, max: 0.999, noNaN: true }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        (steps, gamma, aMax) => {
          const { lower } = paperBound({
            gain: steps.map((s) => (s.share * Math.sqrt(2 * s.delta) * aMax) / (1 - gamma)),
            delta: steps.map((s) => s.delta),
            zeta: steps.map((s) => s.zeta),
            trajectories: steps.map(() => 1e9),
            gamma,
            aMax,
            confidence: 0.05,
          });
          expect(lower).toBeLessThanOrEqual(0);
          const ceiling = paperBoundCeiling({ gamma, aMax, klMax: steps[0].delta });
          expect(ceiling).toBeLessThanOrEqual(1e-12 * (aMax / (1 - gamma) ** 2));
        },
      ),
    );
  });

  it('can be positive for gamma < 1/2', () => {
    expect(paperBoundCeiling({ gamma: 0.3, aMax: 1, klMax: 0.01 })).toBeGreaterThan(0);
    expect(paperBoundCeiling({ gamma: 0.5, aMax: 1, klMax: 0.01 })).toBeCloseTo(0, 14);
  });

  it('throws a DomainError for invalid input', () => {
    const good = {
      gain: [1],
      delta: [0.1],
      zeta: [0],
      trajectories: [10],
      gamma: 0.9,
      aMax: 1,
      confidence: 0.05,
    };
    expect(() => paperBound({ ...good, zeta: [] })).toThrow(DomainError);
    expect(() => paperBound({ ...good, zeta: [] })).toThrow('paperBound: expected 1 zetas, got 0');
    expect(() => paperBound({ ...good, gamma: 1 })).toThrow('expected 0 <= gamma < 1, got 1');
    expect(() => paperBound({ ...good, confidence: 0 })).toThrow('confidence strictly between 0 and 1');
  });
});

describe('certifyStep', () => {
  const tv = { max: [0.1, 0.2], mean: [0.05, 0.1] };
  const sample = (scale: number) => {
    const stream = randomStream(6);
    const weights_N = Array.from({ length: 200 }, () => Math.exp(0.2 * stream.normal() - 0.02));
    const returns_N = weights_N.map(
      (w) => scale * (stream.uniform() < 0.3 + 0.4 * Math.min(1, w / 2) ? 1 : 0),
    );
    return { weights_N, returns_N, ownTurnTv: tv };
  };

  it('scales with the reward: ten times the rewards give ten times the values', () => {
    const one = certifyStep(sample(1), { lo: 0, hi: 1, delta: 0.05 });
    const ten = certifyStep(sample(10), { lo: 0, hi: 10, delta: 0.05 });
    for (const key of [
      'gainMean',
      'gainLower',
      'zeta',
      'zetaUpper',
      'horizonPenalty',
      'coupledHorizonPenalty',
    ] as const)
      expect(ten[key]).toBeCloseTo(10 * one[key], 9);
    expect(ten.effectiveSampleSize).toBe(one.effectiveSampleSize);
    expect(ten.ownTurns).toBe(2);
  });

  it('has a lower bound below the mean, and no horizon penalty with one own turn', () => {
    const figures = certifyStep(
      { ...sample(1), ownTurnTv: { max: [0.3], mean: [0.1] } },
      { lo: 0, hi: 1, delta: 0.05 },
    );
    expect(figures.gainLower).toBeLessThan(figures.gainMean);
    expect(figures.horizonPenalty).toBe(0);
    expect(figures.coupledHorizonPenalty).toBe(0);
  });

  it('has at least the nominal coverage of the true gain', () => {
    // One binary choice: P(1) is .5 for the old team and .6 for the new one, and the reward is the choice.
    // The true gain is 0.1.
    let failures = 0;
    for (let run = 0; run < 400; run++) {
      const stream = randomStream(21, run);
      const returns_N = Array.from({ length: 60 }, () => (stream.uniform() < 0.5 ? 1 : 0));
      const weights_N = returns_N.map((r) => (r === 1 ? 1.2 : 0.8));
      const { gainLower } = certifyStep(
        { weights_N, returns_N, ownTurnTv: tv },
        { lo: 0, hi: 1, delta: 0.05 },
      );
      if (gainLower > 0.1) failures++;
    }
    expect(failures / 400).toBeLessThanOrEqual(0.05);
  });
});

describe('stageLowerBound', () => {
  it('adds the steps and is 0 without steps', () => {
    expect(stageLowerBound([0.25, -0.5])).toBe(-0.25);
    expect(stageLowerBound([])).toBe(0);
  });
});
