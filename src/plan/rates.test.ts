import { describe, expect, it } from 'vitest';
import { decodeSteps, passSeconds, samplingSeconds } from './rates.ts';

describe('decode steps', () => {
  it('of equal messages are one less than the tokens of a message, times the waves', () => {
    const work = { slots: 8, contextTokens: 100 };
    expect(decodeSteps([11], { ...work, messages: 8 })).toEqual({
      steps: 10,
      rows: 80,
      cachedTokens: 80 * (100 + 6),
    });
    expect(decodeSteps([11], { ...work, messages: 24 })).toMatchObject({ steps: 30, rows: 240 });
    expect(decodeSteps([1], { ...work, messages: 8 })).toMatchObject({ steps: 0, rows: 0 });
  });

  it('last as long as the longest message; the batch shrinks when half of its slots are free', () => {
    // half of the messages have 3 tokens and half 11: 2 steps of 100 rows, then 8 steps of 50 rows
    const { steps, rows } = decodeSteps([3, 11], { messages: 100, slots: 100, contextTokens: 0 });
    expect(steps).toBeCloseTo(10, 6);
    expect(rows).toBeCloseTo(2 * 100 + 8 * 50, 6);
    // of a single message, half of the time the short one is drawn
    expect(decodeSteps([3, 11], { messages: 1, slots: 8, contextTokens: 0 }).steps).toBeCloseTo(2 + 8 / 2);
  });
});

it('a pass costs its micro-batches, tokens and pairs of tokens', () => {
  const cost = { call: 1, token: 0.1, pair: 0.001 };
  // 10 rows of 20 tokens fit into a budget of 200
  expect(passSeconds(cost, { sequences: 25, length: 20, budget: 200 })).toBeCloseTo(3 + 25 * 20 * 0.12);
  // a sequence longer than the budget has its own micro-batch
  expect(passSeconds(cost, { sequences: 2, length: 500, budget: 200 })).toBeCloseTo(2 + 2 * 500 * 0.6);
  expect(passSeconds(cost, { sequences: 0, length: 20, budget: 200 })).toBe(0);
});

it('a sampling call costs its distinct contexts, steps and rows', () => {
  const prefill = { call: 0, token: 0.01, pair: 0 };
  const sampling = { message: 0, prefill, step: 0.5, row: 0.1, cached: 0.001 };
  const work = { contexts: 2, messages: 8, contextTokens: 100, commonTokens: 0, slots: 8, budget: 4096 };
  expect(samplingSeconds({ sampling }, [5], work)).toBeCloseTo(
    2 * 100 * 0.01 + 4 * 0.5 + 4 * 8 * 0.1 + 4 * 8 * (100 + 3) * 0.001,
  );
});
