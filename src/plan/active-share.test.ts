import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { estimateActiveShare } from './active-share.ts';

describe('the share of groups with a gradient', () => {
  it('is counted in groups of full size', () => {
    expect(
      estimateActiveShare(
        [
          [0, 1],
          [1, 1],
          [0, 0],
          [1, 0],
        ],
        2,
      ),
    ).toBe(0.5);
  });

  it('is unknown if all groups have equal rewards', () => {
    expect(
      estimateActiveShare(
        [
          [0, 0],
          [1, 1],
        ],
        8,
      ),
    ).toBeUndefined();
  });

  it.each<[string, (u: number) => number, number]>([
    ['equal difficulty', () => 0.3, 1 - 0.7 ** 8 - 0.3 ** 8],
    // the arcsine distribution, Beta(1/2, 1/2), has E[q^8] = C(16, 8) / 2^16
    ['mostly easy or hard', (u) => Math.sin((Math.PI * u) / 2) ** 2, 1 - (2 * 12870) / 2 ** 16],
  ])('is extrapolated from small groups for prompts of %s', (_, chance, expected) => {
    const stream = randomStream(5);
    const groups = Array.from({ length: 4000 }, () => {
      const correct = chance(stream.uniform());
      return Array.from({ length: 3 }, () => Number(stream.uniform() < correct));
    });
    const share = estimateActiveShare(groups, 8) ?? 0;
    expect(Math.abs(share / expected - 1)).toBeLessThan(0.05);
    const counted = groups.filter((rewards) => new Set(rewards).size > 1).length / groups.length;
    expect(share).toBeGreaterThan(1.2 * counted);
  });
});
