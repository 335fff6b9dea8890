import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import {
  type AttemptDecision,
  type AttemptMeasurement,
  decideAttempt,
  measureAttempt,
  startTrustRegion,
  type TrustRegionRules,
} from './trust-region.ts';

const rules: TrustRegionRules = { targetKl: 0.01, maxBacktracks: 2 };
const measured = (klQuantile: number, more: Partial<AttemptMeasurement> = {}): AttemptMeasurement => ({
  klQuantile,
  klMean: klQuantile / 2,
  klMax: klQuantile * 2,
  klMessageMean: klQuantile,
  tvMean: 0.01,
  ...more,
});

/** Passes measurements to the state machine until the update is accepted or rejected. */
function drive(
  from: TrustRegionRules,
  beta: number,
  measurements: readonly AttemptMeasurement[],
  lrScale = 1,
) {
  let state = startTrustRegion(from, beta, lrScale);
  const states = [state];
  let decision: AttemptDecision | undefined;
  for (const measurement of measurements) {
    decision = decideAttempt(state, measurement);
    if (decision.kind !== 'retry') break;
    state = decision.next;
    states.push(state);
  }
  return { states, decision };
}

describe('decideAttempt', () => {
  it('raises beta and halves the step until the KL is within the radius, then keeps the last beta', () => {
    const { states, decision } = drive(rules, 0.01, [measured(0.3), measured(0.05), measured(0.004)]);
    expect(states.map((s) => [s.attempt, s.beta, s.lrScale])).toEqual([
      [0, 0.01, 1],
      [1, 0.015, 0.5],
      [2, expect.closeTo(0.0225, 15), 0.25],
    ]);
    expect(decision).toEqual({ kind: 'accepted', betaNext: expect.closeTo(0.0225, 15), lrScaleNext: 1 });
  });

  it('rejects after the last attempt and raises beta once more', () => {
    const { states, decision } = drive(rules, 0.5, [measured(1), measured(1), measured(1)]);
    expect(states).toHaveLength(3);
    expect(decision).toEqual({ kind: 'rejected', reason: 'kl_quantile', betaNext: 1.6875, lrScaleNext: 1 });
  });

  it('lowers beta only when the first attempt used less than half of the radius', () => {
    const betaAfter = (...quantiles: number[]) => {
      const { decision } = drive(
        rules,
        0.3,
        quantiles.map((q) => measured(q)),
      );
      return decision?.kind === 'accepted' ? decision.betaNext : undefined;
    };
    expect(betaAfter(0.0049)).toBeCloseTo(0.2, 15);
    expect(betaAfter(0.005)).toBe(0.3);
    expect(betaAfter(0.01)).toBe(0.3);
    expect(betaAfter(0.02, 0.001)).toBeCloseTo(0.45, 15);
  });

  it('keeps beta within [1e-6, 1e3]', () => {
    expect(drive(rules, 1e-6, [measured(0)]).decision).toMatchObject({ betaNext: 1e-6 });
    expect(drive({ ...rules, maxBacktracks: 0 }, 900, [measured(1)]).decision).toMatchObject({
      betaNext: 1e3,
    });
  });

  it('keeps a beta of 0 at 0', () => {
    for (const quantiles of [[0], [1, 0], [1, 1, 1]]) {
      const { states, decision } = drive(
        rules,
        0,
        quantiles.map((q) => measured(q)),
      );
      expect(states.map(({ beta }) => beta)).toEqual(quantiles.map(() => 0));
      expect(decision).toMatchObject({ betaNext: 0 });
    }
  });

  it('accepts an update outside the radius with gate record, and changes neither beta nor scale', () => {
    const recorded = { ...rules, gate: 'record', targetKlMessage: 1e-9, adaptToRadius: true } as const;
    const kept = { kind: 'accepted', betaNext: 0.3, lrScaleNext: 2 };
    for (const kl of [0, 0.004, 7]) expect(drive(recorded, 0.3, [measured(kl)], 2).decision).toEqual(kept);
    const broken = measured(Number.NaN);
    expect(drive(recorded, 0.3, [broken, measured(7)], 2).decision).toEqual(kept);
    expect(drive(recorded, 0.3, [broken, broken, broken], 2).decision).toEqual({
      kind: 'rejected',
      reason: 'not_finite',
      betaNext: 0.3,
      lrScaleNext: 2,
    });
  });

  it('shrinks the step by stepShrink, and not at all at 1', () => {
    const scales = (stepShrink: number) =>
      drive({ ...rules, stepShrink }, 1, [measured(1), measured(1), measured(1)]).states.map(
        ({ lrScale }) => lrScale,
      );
    expect(scales(0.25)).toEqual([1, 0.25, 0.0625]);
    expect(scales(1)).toEqual([1, 1, 1]);
  });

  it('aims a retry at the radius with stepShrink auto', () => {
    const { states } = drive({ ...rules, stepShrink: 'auto' }, 1, [
      measured(0.7),
      measured(0.011),
      measured(0),
    ]);
    const scales = [1, 0.1, 0.1 * Math.sqrt(0.7 / 1.1)];
    expect(states.map(({ lrScale }) => lrScale)).toEqual(scales.map((x) => expect.closeTo(x, 12)));
    const message = { ...rules, stepShrink: 'auto', targetKlMessage: 0.05 } as const;
    const long = drive(message, 1, [measured(0.001, { klMessageMean: 3.5 }), measured(0)]);
    expect(long.states[1].lrScale).toBeCloseTo(0.1, 12);
  });

  it('rejects immediately with maxBacktracks 0', () => {
    expect(drive({ ...rules, maxBacktracks: 0 }, 1, [measured(1)]).decision?.kind).toBe('rejected');
  });

  it('passes exactly at the radius, and checks the message cap only if it is set', () => {
    const at = measured(0.01, { klMessageMean: 5 });
    expect(drive(rules, 1, [at]).decision?.kind).toBe('accepted');
    expect(drive({ ...rules, targetKlMessage: 5 }, 1, [at]).decision?.kind).toBe('accepted');
    expect(drive({ ...rules, targetKlMessage: 4.9 }, 1, [at]).decision).toMatchObject({
      kind: 'retry',
      reason: 'kl_message',
    });
  });

  it('treats any number that is not finite as a violation', () => {
    for (const key of ['klQuantile', 'klMean', 'klMax', 'klMessageMean', 'tvMean'] as const)
      for (const value of [Number.NaN, Infinity])
        expect(drive(rules, 1, [measured(0.001, { [key]: value })]).decision).toMatchObject({
          kind: 'retry',
          reason: 'not_finite',
        });
    expect(drive(rules, 1, [measured(0.001, { mustBeFinite: [1, Number.NaN] })]).decision).toMatchObject({
      reason: 'not_finite',
    });
  });

  it('changes the learning-rate scale only with adaptToRadius', () => {
    const adaptive = { ...rules, adaptToRadius: true, targetKlMessage: 0.05 };
    const scaleAfter = (from: TrustRegionRules, measurements: AttemptMeasurement[]) => {
      const { decision } = drive(from, 1, measurements, 2);
      return decision?.kind === 'retry' ? undefined : decision?.lrScaleNext;
    };
    expect(scaleAfter(rules, [measured(0.001)])).toBe(2);
    expect(scaleAfter(rules, [measured(1), measured(0.001)])).toBe(2);
    expect(scaleAfter(adaptive, [measured(0.001)])).toBe(3);
    expect(scaleAfter(adaptive, [measured(0.008)])).toBe(2);
    expect(scaleAfter(adaptive, [measured(0.001, { klMessageMean: 0.03 })])).toBe(2);
    expect(scaleAfter(adaptive, [measured(1), measured(0.001)])).toBe(1);
    expect(scaleAfter(adaptive, [measured(1), measured(1), measured(1)])).toBe(0.25);
  });

  it('never accepts a violating update and makes at most M + 1 attempts', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 0.03 }), { minLength: 6, maxLength: 6 }), (quantiles) => {
        const { states, decision } = drive(
          { targetKl: 0.01, maxBacktracks: 5 },
          0.001,
          quantiles.map((q) => measured(q)),
        );
        expect(states.length).toBeLessThanOrEqual(6);
        const last = quantiles[states.length - 1];
        expect(decision?.kind).toBe(last <= 0.01 ? 'accepted' : 'rejected');
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => startTrustRegion({ ...rules, targetKl: 0 }, 1)).toThrow(DomainError);
    expect(() => startTrustRegion({ ...rules, targetKl: 0 }, 1)).toThrow(
      'startTrustRegion: expected targetKl > 0, got 0',
    );
    expect(() => startTrustRegion({ ...rules, targetKlMessage: -1 }, 1)).toThrow('targetKlMessage > 0');
    expect(() => startTrustRegion({ ...rules, maxBacktracks: 0.5 }, 1)).toThrow(
      'maxBacktracks to be an integer',
    );
    for (const beta of [-1e-9, 1001, Number.NaN])
      expect(() => startTrustRegion(rules, beta)).toThrow(
        `startTrustRegion: expected beta in [0, 1000], got ${beta}`,
      );
    for (const stepShrink of [0, 1.5])
      expect(() => startTrustRegion({ ...rules, stepShrink }, 1)).toThrow(
        `startTrustRegion: expected stepShrink in (0, 1], got ${stepShrink}`,
      );
    expect(() => startTrustRegion(rules, 1, Number.NaN)).toThrow('expected lrScale > 0, got NaN');
  });
});

describe('measureAttempt', () => {
  const options = { quantile: 0.75, slack: 'none', slackConfidence: 0.05 } as const;
  const readings = { kl: [0.1, 0.4, 0.2, 0.3], tv: [0.1, 0.2, 0.3, 0.4], messageKl: [0.5, 0.5] };

  it('returns the quantile over token states and the means', () => {
    expect(measureAttempt(readings, options)).toEqual({
      klQuantile: 0.3,
      klMean: expect.closeTo(0.25, 15),
      klMax: 0.4,
      klMessageMean: 0.5,
      tvMean: expect.closeTo(0.25, 15),
    });
  });

  it('returns an upper bound of the quantile of message sums with a slack', () => {
    const messageKl = Array.from({ length: 50 }, (_, i) => (i + 1) / 100);
    const bound = (slack: 'dkw' | 'binom') =>
      measureAttempt({ ...readings, messageKl }, { quantile: 0.8, slack, slackConfidence: 0.1 }).klQuantile;
    expect(bound('binom')).toBe(0.45);
    // the level of the DKW bound (E33) is 0.8 + sqrt(ln 10 / 100) = 0.95174, which is rank 48 of 50
    expect(bound('dkw')).toBe(0.48);
  });

  it('returns NaN for NaN and infinite divergences and does not throw', () => {
    for (const kl of [
      [0.1, Number.NaN],
      [0.1, Infinity],
    ]) {
      const measurement = measureAttempt({ ...readings, kl }, options);
      expect(measurement.klQuantile).toBeNaN();
      expect(decideAttempt(startTrustRegion(rules, 1), measurement)).toMatchObject({ reason: 'not_finite' });
    }
  });

  it('throws with the number of trajectories that a slack needs', () => {
    expect(() => measureAttempt(readings, { quantile: 0.99, slack: 'binom', slackConfidence: 0.05 })).toThrow(
      'expected at least 299 trajectories for slack "binom" at quantile 0.99, got 2',
    );
    expect(() => measureAttempt(readings, { quantile: 0.99, slack: 'dkw', slackConfidence: 0.05 })).toThrow(
      'at least 14979 trajectories',
    );
    expect(() => measureAttempt({ ...readings, kl: [] }, options)).toThrow('number of token states');
  });
});
