import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { messageLengths, thinnedLengths } from './message-lengths.ts';

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

describe('lengths of messages', () => {
  it('are those of complete messages, also at the limit of the run', () => {
    const samples = [
      { tokens: 3, isCut: false },
      { tokens: 20, isCut: true },
    ];
    expect(messageLengths(samples, 20)).toEqual([3, 20]);
  });

  it('are the limit if no message ended', () => {
    expect(messageLengths(Array(3).fill({ tokens: 8, isCut: true }), 200)).toEqual([200, 200, 200]);
  });

  it('recover the mean of a geometric distribution from messages that were cut off', () => {
    const stream = randomStream(1);
    const [limit, cut] = [400, 30];
    const drawn = Array.from({ length: 2000 }, () =>
      Math.min(limit, Math.max(1, Math.ceil(Math.log(1 - stream.uniform()) / Math.log(1 - 1 / 60)))),
    );
    const seen = drawn.map((tokens) => ({ tokens: Math.min(tokens, cut), isCut: tokens > cut }));
    const estimated = mean(messageLengths(seen, limit));
    expect(estimated / mean(drawn)).toBeGreaterThan(0.9);
    expect(estimated / mean(drawn)).toBeLessThan(1.1);
    // the mean of what was seen is far below
    expect(mean(seen.map(({ tokens }) => tokens)) / mean(drawn)).toBeLessThan(0.5);
  });
});

it('at most 64 lengths are stored, with the same mean', () => {
  const lengths = Array.from({ length: 1000 }, (_, k) => 1000 - k);
  expect(thinnedLengths(lengths)).toHaveLength(64);
  expect(mean(thinnedLengths(lengths))).toBeCloseTo(mean(lengths), -1);
  expect(thinnedLengths([3, 1])).toEqual([1, 3]);
});
