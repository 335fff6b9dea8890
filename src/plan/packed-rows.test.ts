import { expect, it } from 'vitest';
import { packPrefixRows } from '../engine/onnx/score/prefix-rows.ts';
import { packedRows } from './packed-rows.ts';

const sizes = { sequences: 24, contexts: 3, contextTokens: 50, commonTokens: 30, messageTokens: 5 };

it('without sharing, every sequence is a row of its inputs', () => {
  expect(packedRows(sizes, { budget: 4096 })).toEqual({ rows: 24, length: 54 });
  expect(packedRows({ ...sizes, sequences: 0 }, { budget: 4096, pairCost: 0.1 })).toEqual({
    rows: 0,
    length: 54,
  });
});

it('packs as the engine does, if all sizes are equal', () => {
  const inputs = Array.from({ length: 24 }, (_, i) => {
    const context = Math.floor(i / 8);
    const own = (t: number): number => (t < 30 ? t : 1000 * (context + 1) + t);
    const tokens = Int32Array.from({ length: 54 }, (_, t) => (t < 50 ? own(t) : 10_000 * (i + 1) + t));
    return { tokens, shareable: 49 };
  });
  for (const [budget, pairCost] of [
    [4096, 0],
    [4096, 1 / 600],
    [4096, 1 / 50],
    [100, 0],
    [60, 0],
  ] as const) {
    const packed = packPrefixRows(inputs, { maxLength: budget, pairCost });
    const tokens = packed.reduce((sum, row) => sum + row.tokens.length, 0);
    const predicted = packedRows(sizes, { budget, pairCost });
    expect(predicted.rows, `budget ${budget}, pair cost ${pairCost}`).toBe(packed.length);
    expect(predicted.rows * predicted.length).toBeCloseTo(tokens);
  }
});
