import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { type SequenceObjectiveInput, sequenceObjective, turnObjective } from './objective.ts';

const token = fc.double({ min: -3, max: -0.01, noNaN: true });
const batch = fc.array(
  fc.record({
    tokens: fc.array(fc.tuple(token, fc.double({ min: -0.3, max: 0.3, noNaN: true })), { maxLength: 4 }),
    advantage: fc.double({ min: -2, max: 2, noNaN: true }),
  }),
  { minLength: 1, maxLength: 6 },
);
const inputOf = (rows: { tokens: [number, number][]; advantage: number }[]): SequenceObjectiveInput => ({
  logpNew: rows.map((r) => r.tokens.map(([old, shift]) => old + shift)),
  logpOld: rows.map((r) => r.tokens.map(([old]) => old)),
  advantages: rows.map((r) => r.advantage),
});

/** Computes the gradient of the loss by central differences, as an independent check of the cotangents. */
function numericGradient(
  input: SequenceObjectiveInput,
  loss: (i: SequenceObjectiveInput) => number,
): number[][] {
  const h = 1e-6;
  return input.logpNew.map((row, g) =>
    Array.from(row, (_, t) => {
      const moved = (by: number) => ({
        ...input,
        logpNew: input.logpNew.map((r, k) => Array.from(r, (x, i) => (k === g && i === t ? x + by : x))),
      });
      return (loss(moved(h)) - loss(moved(-h))) / (2 * h);
    }),
  );
}

/**
 * Returns the distance of the nearest log-ratio from a kink of the loss, where the gradient does not exist.
 */
function distanceToKinks(input: SequenceObjectiveInput, divide: boolean): number {
  const u = input.logpNew.map((row, g) => {
    const sum = Array.from(row).reduce((acc, x, t) => acc + x - input.logpOld[g][t], 0);
    return divide && row.length > 0 ? sum / row.length : sum;
  });
  return Math.min(...u.map((x) => Math.min(Math.abs(x - Math.log(1.2)), Math.abs(x - Math.log(0.8)))));
}

describe('sequenceObjective', () => {
  it('matches a batch computed by hand: unclipped, clipped above, clipped below, silent', () => {
    const result = sequenceObjective({
      logpNew: [[-1, -1.9], [-0.5], [-2], []],
      logpOld: [[-1, -2], [-1], [-1], []],
      advantages: [1, 2, -1, 9],
    });
    const value = Math.exp(0.1) + 1.2 * 2 - 0.8;
    expect(result.loss).toBeCloseTo(-value / 3, 14);
    expect(result.count).toBe(3);
    expect([...result.u_N].map((u) => Number(u.toFixed(12)))).toEqual([0.1, 0.5, -1, 0]);
    expect(result.ratio_N[3]).toBe(1);
    expect(result.gated_N).toEqual([false, true, true, false]);
    expect(result.clipFraction).toBeCloseTo(2 / 3, 15);
    const slope = -Math.exp(0.1) / 3;
    expect(result.cotangents[0][0]).toBeCloseTo(slope, 14);
    expect(result.cotangents[0][1]).toBeCloseTo(slope, 14);
    expect(result.cotangents.slice(1).map((c) => c.length)).toEqual([1, 1, 0]);
    expect(result.cotangents[1][0] + result.cotangents[2][0]).toBe(0);
  });

  it('passes the gradient of a message with A < 0 and r > 1, whose loss only the dual clip bounds', () => {
    const base = { logpNew: [[0]], logpOld: [[-3]], advantages: [-1] };
    const free = sequenceObjective(base);
    expect(free.loss).toBeCloseTo(Math.exp(3), 10);
    expect(free.gated_N).toEqual([false]);
    const dual = sequenceObjective({ ...base, dualClip: 3 });
    expect(dual.loss).toBe(3);
    expect(dual.gated_N).toEqual([true]);
    expect([...dual.cotangents[0]]).toEqual([0]);
  });

  it('uses epsilonHigh for the upper bound', () => {
    const entry = (u: number, advantage: number) => ({
      logpNew: [[u]],
      logpOld: [[0]],
      advantages: [advantage],
    });
    const gatedAt = (u: number, advantage: number) =>
      sequenceObjective({ ...entry(u, advantage), epsilonHigh: 0.28 }).gated_N[0];
    expect(sequenceObjective(entry(0.22, 1)).gated_N[0]).toBe(true); // e^0.22 = 1.246
    expect([gatedAt(0.22, 1), gatedAt(0.25, 1), gatedAt(-0.22, -1), gatedAt(-0.23, -1)]).toEqual([
      false, // 1.246
      true, // 1.284
      false, // 0.803
      true, // 0.795
    ]);
  });

  it('returns the gradient of its loss in every variant', () => {
    for (const variant of [{}, { ratioNorm: 'mean' }, { dualClip: 1.15 }] as const)
      fc.assert(
        fc.property(batch, (rows) => {
          const input = { ...inputOf(rows), ...variant };
          fc.pre(distanceToKinks(input, 'ratioNorm' in variant) > 1e-4);
          const { ratio_N, cotangents } = sequenceObjective(input);
          fc.pre(ratio_N.every((r) => Math.abs(r - 1.15) > 1e-4));
          const numeric = numericGradient(input, (i) => sequenceObjective(i).loss);
          cotangents.forEach((row, g) => {
            row.forEach((x, t) => {
              expect(Math.abs(x - numeric[g][t])).toBeLessThan(1e-6);
            });
          });
        }),
        { numRuns: 40 },
      );
  });

  it('keeps the ratio constant outside 20 nats', () => {
    const far = sequenceObjective({ logpNew: [[-1]], logpOld: [[-50]], advantages: [-1] });
    expect(far.u_N[0]).toBe(20);
    expect([...far.cotangents[0]]).toEqual([0]);
    expect(far.gated_N).toEqual([true]);
  });

  it('divides the log-ratio and the cotangent by the number of tokens with ratioNorm mean', () => {
    const { u_N, cotangents } = sequenceObjective({
      logpNew: [[-1, -1.8]],
      logpOld: [[-1, -2]],
      advantages: [1],
      ratioNorm: 'mean',
    });
    expect(u_N[0]).toBeCloseTo(0.1, 14);
    expect(cotangents[0][0]).toBeCloseTo(-Math.exp(0.1) / 2, 14);
  });

  it('counts a zero advantage as gated but not as clipped', () => {
    const { gated_N, clipFraction } = sequenceObjective({
      logpNew: [[-1]],
      logpOld: [[-1]],
      advantages: [0],
    });
    expect(gated_N).toEqual([true]);
    expect(clipFraction).toBe(0);
  });

  it('is 0 for a batch without tokens of the agent', () => {
    const { loss, count, clipFraction } = sequenceObjective({
      logpNew: [[], []],
      logpOld: [[], []],
      advantages: [1, 2],
    });
    expect([loss, count, clipFraction]).toEqual([0, 0, 0]);
  });

  it('throws a DomainError for invalid input', () => {
    const good = { logpNew: [[-1]], logpOld: [[-1]], advantages: [1] };
    const cases: readonly (readonly [Partial<SequenceObjectiveInput>, string])[] = [
      [{ logpOld: [] }, 'sequenceObjective: expected 1 rows of logpOld, got 0'],
      [{ logpOld: [[-1, -1]] }, 'expected 1 log-probabilities in logpOld[0], got 2'],
      [{ advantages: [] }, 'expected 1 advantages, got 0'],
      [{ advantages: [Number.NaN] }, 'expected finite advantages[0], got NaN'],
      [{ logpNew: [[Number.NaN]] }, 'expected finite log-probabilities in row 0, got log-ratio NaN'],
      [{ epsilon: 1 }, 'expected epsilon strictly between 0 and 1, got 1'],
      [{ epsilonHigh: 0 }, 'expected epsilonHigh > 0, got 0'],
      [{ dualClip: 1 }, 'expected dualClip > 1, got 1'],
      [{ maxLogRatio: 0 }, 'expected maxLogRatio > 0, got 0'],
    ];
    for (const [change, message] of cases) {
      expect(() => sequenceObjective({ ...good, ...change })).toThrow(DomainError);
      expect(() => sequenceObjective({ ...good, ...change })).toThrow(message);
    }
  });
});

describe('turnObjective', () => {
  it("averages over a trajectory's own turns first, then over trajectories", () => {
    const { loss, count, cotangents } = turnObjective({
      logpNew: [[-1], [-1, -1], [-1], []],
      logpOld: [[-1], [-1, -1], [-1], []],
      advantages: [2, 4, 1, 7],
      trajectories: [5, 5, 8, 8],
    });
    expect(count).toBe(2);
    expect(loss).toBe(-((2 + 4) / 2 + 1) / 2);
    expect(cotangents.map((row) => [...row])).toEqual([[-0.5], [-1, -1], [-0.5], []]);
  });

  it('equals the sequence level if every trajectory has one own turn', () => {
    fc.assert(
      fc.property(batch, (rows) => {
        const input = inputOf(rows);
        const sequence = sequenceObjective(input);
        const turn = turnObjective({ ...input, trajectories: rows.map((_, g) => g) });
        expect(turn).toEqual(sequence);
      }),
    );
  });

  it('returns the gradient of its loss', () => {
    fc.assert(
      fc.property(batch, (rows) => {
        const trajectories = rows.map((_, g) => Math.floor(g / 2));
        const input = inputOf(rows);
        fc.pre(distanceToKinks(input, false) > 1e-4);
        const { cotangents } = turnObjective({ ...input, trajectories });
        const numeric = numericGradient(input, (i) => turnObjective({ ...i, trajectories }).loss);
        cotangents.forEach((row, g) => {
          row.forEach((x, t) => {
            expect(Math.abs(x - numeric[g][t])).toBeLessThan(1e-6);
          });
        });
      }),
      { numRuns: 40 },
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() =>
      turnObjective({ logpNew: [[-1]], logpOld: [[-1]], advantages: [1], trajectories: [] }),
    ).toThrow('turnObjective: expected 1 trajectory labels, got 0');
  });
});
