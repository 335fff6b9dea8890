import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BoundedKl, decideProbe, retryFactor, startProbes, usedShare } from './step-scale.ts';

const bounds = { targetKl: 0.01 };
const kl = (klQuantile: number, klMessageMean = klQuantile): BoundedKl => ({ klQuantile, klMessageMean });

/** Runs the search on a policy whose divergences are a function of the scale. */
function search(measure: (lrScale: number) => BoundedKl, limits = bounds) {
  const probes: number[] = [];
  let state = startProbes(limits);
  for (;;) {
    probes.push(state.lrScale);
    const decision = decideProbe(state, measure(state.lrScale));
    if (decision.kind === 'scale') return { ...decision, probes };
    state = decision.next;
  }
}

describe('usedShare', () => {
  it('is the larger ratio of a divergence to its bound', () => {
    expect(usedShare(bounds, kl(0.02, 9))).toBe(2);
    expect(usedShare({ targetKl: 0.01, targetKlMessage: 0.5 }, kl(0.02, 2))).toBe(4);
    expect(usedShare(bounds, kl(0.02, Number.NaN))).toBeNaN();
    expect(usedShare(bounds, kl(Number.POSITIVE_INFINITY))).toBeNaN();
  });
});

describe('retryFactor', () => {
  it('aims at 0.7 of the tighter bound for a KL that is quadratic in the step', () => {
    expect(retryFactor(bounds, kl(0.28))).toBeCloseTo(Math.sqrt(0.7 / 28), 15);
    const both = { targetKl: 0.01, targetKlMessage: 0.05 };
    expect(retryFactor(both, kl(0.02, 5))).toBeCloseTo(Math.sqrt(0.7 / 100), 15);
  });

  it('keeps most of a step that exceeded the radius by little, and at least 1/100 of any step', () => {
    expect(retryFactor(bounds, kl(0.0101))).toBeCloseTo(Math.sqrt(0.7 / 1.01), 15);
    expect(retryFactor(bounds, kl(1e6))).toBe(0.01);
    expect(retryFactor(bounds, kl(Number.NaN))).toBe(0.125);
  });
});

describe('decideProbe', () => {
  it('predicts 0.7 of the radius from one probe of a step whose KL at scale 1 is 175 times the radius', () => {
    const { lrScale, probes, measured } = search((scale) => kl(1.75 * scale ** 2));
    expect(probes).toEqual([1 / 16]);
    expect(measured).toBe(true);
    expect(1.75 * lrScale ** 2).toBeCloseTo(0.007, 12);
  });

  it('considers the bound on the KL per message', () => {
    const limits = { targetKl: 0.01, targetKlMessage: 0.05 };
    const { lrScale } = search((scale) => kl(scale ** 2 / 10, 20 * scale ** 2), limits);
    expect(20 * lrScale ** 2).toBeCloseTo(0.7 * 0.05, 12);
  });

  it('repeats a probe whose KL is too small or too large for a prediction', () => {
    const tiny = search((scale) => kl(1e-6 * scale ** 2));
    expect(tiny.probes).toEqual([1 / 16, 1, 16]);
    expect(1e-6 * tiny.lrScale ** 2).toBeCloseTo(0.007, 12);
    const huge = search((scale) => kl(2e4 * scale ** 2));
    expect(huge.probes).toHaveLength(2);
    expect(2e4 * huge.lrScale ** 2).toBeCloseTo(0.007, 12);
  });

  it('finds a scale for a KL that saturates', () => {
    const measure = (scale: number): BoundedKl => kl(3 * Math.tanh(1e5 * scale ** 2));
    const { lrScale } = search(measure);
    expect(measure(lrScale).klQuantile).toBeLessThan(0.01);
    expect(measure(lrScale).klQuantile).toBeGreaterThan(0.001);
  });

  it('shrinks after values that are not finite', () => {
    const { lrScale, probes } = search((scale) => kl(scale > 0.05 ? Number.NaN : scale ** 2));
    expect(probes).toEqual([1 / 16, 1 / 1024, 1 / 64]);
    expect(lrScale).toBe(1 / 32); // a KL of 0.007 is predicted at 0.084, above a scale that was not finite
  });

  it('keeps the learning rate if no probe changes the policy', () => {
    for (const value of [0, -1e-9])
      expect(search(() => kl(value))).toMatchObject({
        lrScale: 1,
        measured: false,
        probes: [1 / 16, 1, 16, 256],
      });
  });

  it('makes at most four probes and stays within [1e-4, 1e4]', () => {
    fc.assert(
      fc.property(fc.double({ min: -14, max: 14, noNaN: true }), (exponent) => {
        const { lrScale, probes } = search((scale) => kl(10 ** exponent * scale ** 2));
        expect(probes.length).toBeLessThanOrEqual(4);
        expect(lrScale).toBeGreaterThanOrEqual(1e-4);
        expect(lrScale).toBeLessThanOrEqual(1e4);
      }),
    );
  });
});
