import { describe, expect, it } from 'vitest';
import { floatData, Runtime } from '../graph/runtime.ts';
import { tinyConfig } from '../testing/tiny-model.ts';
import { KvCache, type PrefilledStates } from './kv-cache.ts';

const config = tinyConfig({ layers: 2, kvHeads: 2, headDim: 2, heads: 2 });
const runtime = await Runtime.open({ threads: 1, spinning: false });

/**
 * Returns a test key: one number that encodes layer, context row, head, position and component. Test values
 * are negated keys.
 */
const mark = (l: number, row: number, h: number, t: number, i: number): number =>
  l * 10_000 + row * 1000 + h * 500 + t * 2 + i;

function prefilled(rows: number, length: number, row: number): PrefilledStates {
  const layer = (l: number): Float32Array =>
    Float32Array.from({ length: rows * 2 * length * 2 }, (_, n) =>
      mark(
        l,
        Math.floor(n / (4 * length)),
        Math.floor(n / (2 * length)) % 2,
        Math.floor(n / 2) % length,
        n % 2,
      ),
    );
  const k = [layer(0), layer(1)];
  return { k, v: k.map((values) => values.map((value) => -value)), logits: new Float32Array(), row, length };
}

/** Returns the keys of one slot and head [length][2], and checks that the values are the negated keys. */
function keys(cache: KvCache, at: { layer: number; slot: number; head: number }, length: number): number[][] {
  const { k, v } = cache.tensors(at.layer, runtime);
  const capacity = k.dims[2] as number;
  const from = (at.slot * 2 + at.head) * capacity * 2;
  const read = (tensor: typeof k): number[] => [...floatData(tensor).subarray(from, from + length * 2)];
  expect(read(v)).toEqual(read(k).map((value) => -value));
  return Array.from({ length }, (_, t) => read(k).slice(2 * t, 2 * t + 2));
}

const expected = (l: number, row: number, h: number, length: number): number[][] =>
  Array.from({ length }, (_, t) => [mark(l, row, h, t, 0), mark(l, row, h, t, 1)]);

/**
 * Appends one token to every slot. Its keys are 1000 number + 10 slot + head, and its values are the negated
 * keys.
 */
function step(cache: KvCache, slots: number, number: number): Int32Array {
  const positions = cache.advance();
  const k = Float32Array.from(
    { length: slots * 4 },
    (_, n) => 1000 * number + 10 * Math.floor(n / 4) + (Math.floor(n / 2) % 2),
  );
  for (const layer of [0, 1])
    cache.append(
      layer,
      positions,
      k,
      k.map((value) => -value),
    );
  return positions;
}

describe('KvCache', () => {
  it('loads a context from a row of a padded batch', () => {
    const cache = new KvCache(config, 3, 5);
    cache.load(2, 3, prefilled(4, 5, 1));
    cache.load(0, 5, prefilled(4, 5, 3));
    for (const layer of [0, 1])
      for (const head of [0, 1]) {
        expect(keys(cache, { layer, slot: 2, head }, 3)).toEqual(expected(layer, 1, head, 3));
        expect(keys(cache, { layer, slot: 0, head }, 5)).toEqual(expected(layer, 3, head, 5));
      }
  });

  it('appends at the end of each slot, and at position 0 of free slots', () => {
    const cache = new KvCache(config, 3, 4);
    cache.load(0, 2, prefilled(2, 4, 0));
    cache.load(2, 4, prefilled(2, 4, 1));
    expect([...step(cache, 3, 1)]).toEqual([2, 0, 4]);
    expect([...step(cache, 3, 2)]).toEqual([3, 0, 5]);
    expect(keys(cache, { layer: 1, slot: 0, head: 1 }, 4)).toEqual([
      ...expected(1, 0, 1, 2),
      [1001, 1001],
      [2001, 2001],
    ]);
    expect(keys(cache, { layer: 0, slot: 2, head: 0 }, 6)).toEqual([
      ...expected(0, 1, 0, 4),
      [1020, 1020],
      [2020, 2020],
    ]);
  });

  it('grows with the longest message and keeps the cached values', () => {
    const cache = new KvCache(config, 2, 14);
    cache.load(0, 14, prefilled(1, 14, 0));
    cache.load(1, 3, prefilled(1, 14, 0));
    const before = cache.tensors(0, runtime).k.dims[2];
    for (let number = 1; number <= 20; number++) step(cache, 2, number);
    expect(before).toBe(16);
    expect(cache.tensors(0, runtime).k.dims).toEqual([2, 2, 48, 2]);
    for (const slot of [0, 1]) {
      const length = slot === 0 ? 14 : 3;
      const written = Array.from({ length: 20 }, (_, n) => [
        1000 * (n + 1) + 10 * slot + 1,
        1000 * (n + 1) + 10 * slot + 1,
      ]);
      expect(keys(cache, { layer: 1, slot, head: 1 }, length + 20)).toEqual([
        ...expected(1, 0, 1, length),
        ...written,
      ]);
    }
  });

  it('initially has room for one token more than the longest context', () => {
    for (const [longest, capacity] of [
      [1, 16],
      [15, 16],
      [16, 32],
      [31, 32],
    ] as const)
      expect(new KvCache(config, 1, longest).tensors(0, runtime).k.dims[2]).toBe(capacity);
  });

  it('grows for a context longer than the announced maximum', () => {
    const cache = new KvCache(config, 1, 1);
    cache.load(0, 40, prefilled(1, 40, 0));
    expect(keys(cache, { layer: 0, slot: 0, head: 1 }, 40)).toEqual(expected(0, 0, 1, 40));
  });

  it('reuses a freed slot', () => {
    const cache = new KvCache(config, 1, 6);
    cache.load(0, 6, prefilled(2, 6, 0));
    step(cache, 1, 1);
    cache.clear(0);
    expect([...cache.advance()]).toEqual([0]);
    cache.load(0, 2, prefilled(2, 6, 1));
    expect([...step(cache, 1, 2)]).toEqual([2]);
    expect(keys(cache, { layer: 0, slot: 0, head: 0 }, 3)).toEqual([...expected(0, 1, 0, 2), [2000, 2000]]);
  });

  it('keeps the given slots in the given order, and continues with them', () => {
    const cache = new KvCache(config, 4, 5);
    for (const slot of [0, 1, 2, 3]) cache.load(slot, slot + 1, prefilled(4, 5, slot));
    cache.clear(0);
    cache.keep([3, 1]);
    expect(cache.tensors(0, runtime).k.dims).toEqual([2, 2, 16, 2]);
    expect([...step(cache, 2, 1)]).toEqual([4, 2]);
    expect(keys(cache, { layer: 1, slot: 0, head: 0 }, 5)).toEqual([...expected(1, 3, 0, 4), [1000, 1000]]);
    expect(keys(cache, { layer: 1, slot: 1, head: 1 }, 3)).toEqual([...expected(1, 1, 1, 2), [1011, 1011]]);
  });
});
