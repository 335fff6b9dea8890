import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { greedyOrder, predictedGain, randomOrder, reverseOrder, staticOrder } from './order.ts';
import { randomStream } from './rng.ts';

describe('orders', () => {
  it('static is 0..n-1', () => {
    expect(staticOrder(3)).toEqual([0, 1, 2]);
    expect(staticOrder(0)).toEqual([]);
  });

  it('random follows Fisher-Yates by hand', () => {
    // shuffle of [0,1,2]: k=2 is swapped with j=floor(.5*3)=1, which gives [0,2,1]; k=1 with j=floor(.1*2)=0,
    // which gives [2,0,1]
    expect(randomOrder(3, [0.5, 0.1])).toEqual([2, 0, 1]);
    expect(randomOrder(1, [])).toEqual([0]);
  });

  it('random is a permutation, and uniform', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1 }),
        (u) => {
          expect([...randomOrder(u.length + 1, u)].sort((a, b) => a - b)).toEqual(staticOrder(u.length + 1));
        },
      ),
    );
    const stream = randomStream(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = randomOrder(3, [stream.uniform(), stream.uniform()]).join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('reverse sorts by the mean first own turn, ties by id descending, silent agents last', () => {
    expect(reverseOrder([0, 1, 2])).toEqual([2, 1, 0]);
    expect(reverseOrder([1.5, Number.NaN, 0, 1.5])).toEqual([3, 0, 2, 1]);
  });

  it('greedy sorts by gain, ties by id ascending, NaN last', () => {
    expect(greedyOrder([0.5, Number.NaN, 0.7, 0.5, -Infinity, Infinity])).toEqual([5, 2, 0, 3, 4, 1]);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => randomOrder(4, [0.1])).toThrow(DomainError);
    expect(() => randomOrder(4, [0.1])).toThrow('randomOrder: expected at least 3 uniforms, got 1');
    expect(() => randomOrder(2, [1])).toThrow('expected uniforms in [0, 1), got 1');
    expect(() => staticOrder(-1)).toThrow('staticOrder: expected n to be an integer >= 0, got -1');
  });
});

describe('predictedGain', () => {
  it('is the RMS advantage where the agent acts, times the share of trajectories in which it does', () => {
    // The predicted gain is sqrt(2 δ · mean square of the advantages 1 and 2) with the radius δ = 0.02, i.e.
    // sqrt(2·0.02·2.5); the factor 2/4 is the share of trajectories in which the agent acts
    expect(predictedGain([1, 9, 2, 9], [true, false, true, false], 0.02)).toBeCloseTo(Math.sqrt(0.1) / 2, 15);
  });

  it('is 0 for an agent without a turn', () => {
    expect(predictedGain([1, 1], [false, false], 0.1)).toBe(0);
    expect(predictedGain([], [], 0.1)).toBe(0);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => predictedGain([1], [], 0.1)).toThrow('predictedGain: expected 1 flags, got 0');
    expect(() => predictedGain([1], [true], -1)).toThrow('expected delta[0] in [0,');
  });
});
