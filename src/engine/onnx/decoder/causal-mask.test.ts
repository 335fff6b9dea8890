import { describe, expect, it } from 'vitest';
import { floatData, Runtime } from '../graph/runtime.ts';
import { CausalMasks } from './causal-mask.ts';

const runtime = await Runtime.open({ threads: 1, spinning: false });

describe('CausalMasks', () => {
  it('masks later positions in every copy', () => {
    const mask = new CausalMasks(runtime, { copies: 2 }).get(3);
    expect(mask.dims).toEqual([1, 1, 6, 3]);
    const rows = [0, -1e30, -1e30, 0, 0, -1e30, 0, 0, 0].map(Math.fround);
    expect([...floatData(mask)]).toEqual([...rows, ...rows]);
    expect([...floatData(new CausalMasks(runtime, { copies: 1 }).get(1))]).toEqual([0]);
  });

  it('also masks positions before the window', () => {
    const mask = new CausalMasks(runtime, { copies: 1, window: 2 }).get(4);
    const rows = [0, -1e30, -1e30, -1e30, 0, 0, -1e30, -1e30, -1e30, 0, 0, -1e30, -1e30, -1e30, 0, 0];
    expect([...floatData(mask)]).toEqual(rows.map(Math.fround));
  });

  it('caches masks', () => {
    const masks = new CausalMasks(runtime, { copies: 1 });
    expect(masks.get(4)).toBe(masks.get(4));
  });

  it('evicts the least recently used masks beyond its limit', () => {
    const masks = new CausalMasks(runtime, { copies: 1, limit: 9 + 16 });
    const [three, four] = [masks.get(3), masks.get(4)];
    expect(masks.size).toBe(25);
    masks.get(3);
    // this evicts the mask of length 4, because that of length 3 was used more recently
    const two = masks.get(2);
    expect(masks.size).toBe(9 + 4);
    expect(masks.get(3)).toBe(three);
    expect(masks.get(2)).toBe(two);
    expect(masks.get(4)).not.toBe(four);
  });

  it('returns a mask that is larger than the limit, and evicts all others', () => {
    const masks = new CausalMasks(runtime, { copies: 1, limit: 10 });
    masks.get(2);
    expect(masks.get(5).dims).toEqual([1, 1, 5, 5]);
    expect(masks.size).toBe(25);
  });
});
