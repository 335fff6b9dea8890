import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import {
  coupledHorizonPenalty,
  expectedTvPenalty,
  horizonPenalty,
  jointPenalty,
  marginalHorizonPenalty,
  occupancyShift,
  paperOccupancyPenalty,
  sharpOccupancyShift,
  sharpPenalty,
  staleSurrogateGap,
  trpoPenalty,
} from './penalty.ts';

const tv = fc.double({ min: 0, max: 1, noNaN: true });
const gammas = fc.double({ min: 0, max: 0.99, noNaN: true });

describe('discounted penalties', () => {
  it('have the values of the theory section at language-model scale', () => {
    // Expected values for n = 3 agents, gamma = .99, A_max = 5. The penalty as printed in the SAT paper (E50)
    // is 46,960 at a maximum KL of .05, 21,001 at .01 and 13,282 at .004. TRPO's penalty (E53) with TV² =
    // delta/2 is 297,000 · delta, i.e. 2,970 at delta = .01.
    const paper = (klMax: number) => 3 * paperOccupancyPenalty({ gamma: 0.99, aMax: 5, klMax });
    expect(paper(0.05)).toBeCloseTo(46959.8, 1);
    expect(paper(0.01)).toBeCloseTo(21001.1, 1);
    expect(paper(0.004)).toBeCloseTo(13282.2, 1);
    expect(3 * trpoPenalty({ gamma: 0.99, aMax: 5, tvMax: Math.sqrt(0.005) })).toBeCloseTo(2970, 8);
    // expected bounds on the occupancy shift at gamma = .99 and TV² = .005: 14.0 by the paper's formula, 1.75
    // by the sharp formula
    const tvMax = Math.sqrt(0.005);
    expect(occupancyShift({ gamma: 0.99, tvMax })).toBeCloseTo(14.001, 3);
    expect(sharpOccupancyShift({ gamma: 0.99, tvMax })).toBeCloseTo(1.75, 4);
    // 4 · ½ · ¼ / (½ · ¾)
    expect(sharpPenalty({ gamma: 0.5, aMax: 1, tvMax: 0.5 })).toBeCloseTo(4 / 3, 14);
    expect(expectedTvPenalty({ gamma: 0.5, fMax: 0.5, tvMean: 0.25 })).toBe(0.5);
    // example G7 of docs/algorithm.md, with gamma = .9 and alpha = TV = .3
    expect(sharpOccupancyShift({ gamma: 0.9, tvMax: 0.3 })).toBeCloseTo(1.459459, 6);
  });

  it("decrease from the paper's shift to the sharp shift, which is at most 2", () => {
    fc.assert(
      fc.property(gammas, tv, (gamma, tvMax) => {
        const sharp = sharpOccupancyShift({ gamma, tvMax });
        expect(sharp).toBeLessThanOrEqual(occupancyShift({ gamma, tvMax }) + 1e-12);
        expect(sharp).toBeLessThanOrEqual(2);
        const size = { gamma, tvMax, aMax: 1 };
        expect(sharpPenalty(size)).toBeLessThanOrEqual(trpoPenalty(size) * (1 + 1e-12) + 1e-300);
      }),
    );
  });

  it('are 0 at gamma 0 and without a step', () => {
    const size = { gamma: 0, aMax: 3, tvMax: 0.5 };
    expect(trpoPenalty(size) + sharpPenalty(size) + staleSurrogateGap(size, [0.1])).toBe(0);
    expect(expectedTvPenalty({ gamma: 0.9, fMax: 1, tvMean: 0 })).toBe(0);
    expect(jointPenalty({ gamma: 0.9, aMax: 1, tvMax_A: [0, 0], klMax_A: [0, 0] })).toBe(0);
  });

  it('joint: is the smaller of the squared sum of TVs and half the sum of KLs', () => {
    const base = { gamma: 0.5, aMax: 1 };
    expect(jointPenalty({ ...base, tvMax_A: [0.1, 0.1], klMax_A: [1, 1] })).toBeCloseTo(8 * 0.04, 14);
    expect(jointPenalty({ ...base, tvMax_A: [0.5, 0.5], klMax_A: [0.1, 0.1] })).toBeCloseTo(8 * 0.1, 14);
  });

  it('stale: increases with the steps before', () => {
    const size = { gamma: 0.5, aMax: 1, tvMax: 0.1 };
    expect(staleSurrogateGap(size, [])).toBe(0);
    expect(staleSurrogateGap(size, [0.1, 0.2])).toBeCloseTo(8 * 0.1 * 0.3, 14);
  });

  it('throw for gamma = 1 and name the penalty for episodes', () => {
    expect(() => trpoPenalty({ gamma: 1, aMax: 1, tvMax: 0.1 })).toThrow(DomainError);
    expect(() => paperOccupancyPenalty({ gamma: 1, aMax: 1, klMax: 0.1 })).toThrow(
      'paperOccupancyPenalty: expected 0 <= gamma < 1, got 1; for episodes with gamma 1 use horizonPenalty',
    );
    expect(() => jointPenalty({ gamma: 0, aMax: 1, tvMax_A: [1], klMax_A: [] })).toThrow(
      'expected 1 KL radii, got 0',
    );
  });
});

describe('episode penalties', () => {
  it('are zero with at most one own turn', () => {
    for (const turns of [
      { span: 1, tvMax: [], tvMean: [], klOldNewMean: [] },
      { span: 1, tvMax: [0.9], tvMean: [0.9], klOldNewMean: [3] },
    ]) {
      expect(horizonPenalty(turns)).toBe(0);
      expect(coupledHorizonPenalty(turns)).toBe(0);
      expect(marginalHorizonPenalty(turns)).toBe(0);
    }
  });

  it('match three own turns computed by hand', () => {
    const turns = {
      span: 2,
      tvMax: [0.1, 0.2, 0.3],
      tvMean: [0.05, 0.1, 0.2],
      klOldNewMean: [0.02, 0.06, 1],
    };
    expect(horizonPenalty(turns)).toBeCloseTo(2 * 2 * (0.2 * 0.05 + 0.3 * 0.15), 14);
    expect(coupledHorizonPenalty(turns)).toBeCloseTo(2 * 2 * (0.2 * 0.1 + 0.3 * (1 - 0.9 * 0.8)), 14);
    expect(marginalHorizonPenalty(turns)).toBeCloseTo(2 * (0.2 * 0.2 + 0.3 * 0.4), 14);
  });

  it('coupled stays below m(m-1) span a²', () => {
    fc.assert(
      fc.property(fc.array(tv, { maxLength: 6 }), (tvMax) => {
        const a = Math.max(0, ...tvMax);
        const m = tvMax.length;
        expect(coupledHorizonPenalty({ span: 1, tvMax })).toBeLessThanOrEqual(m * (m - 1) * a * a + 1e-12);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => horizonPenalty({ span: 1, tvMax: [0.1], tvMean: [] })).toThrow(
      'horizonPenalty: expected 1 mean total variations, got 0',
    );
  });
});
