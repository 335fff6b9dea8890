import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { randomStream, threefry2x32 } from './rng.ts';

describe('threefry2x32', () => {
  // known-answer vectors of the Random123 distribution, 20 rounds
  it('returns the published values', () => {
    const out = new Uint32Array(2);
    threefry2x32(0, 0, 0, 0, out);
    expect([...out]).toEqual([0x6b200159, 0x99ba4efe]);
    threefry2x32(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, out);
    expect([...out]).toEqual([0x1cb996fc, 0xbb002be7]);
    threefry2x32(0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, out);
    expect([...out]).toEqual([0xc4923a9c, 0x483df7a0]);
  });
});

describe('randomStream', () => {
  const draws = (...keys: number[]) => {
    const stream = randomStream(...keys);
    return Array.from({ length: 5 }, () => stream.uniform());
  };

  it('depends only on its name; names of different length or order differ', () => {
    expect(draws(1, 2)).toEqual(draws(1, 2));
    const names = [[], [0], [0, 0], [1, 2], [2, 1], [1, 2, 0], [2 ** 40], [2 ** 32]];
    expect(new Set(names.map((name) => draws(...name)[0])).size).toBe(names.length);
  });

  it('returns the position of its next draw, from which threefry2x32 gives the same draw', () => {
    const stream = randomStream(7, 3);
    stream.uniform();
    const { key, counter } = stream.position();
    const out = new Uint32Array(2);
    threefry2x32(key[0], key[1], counter, 0, out);
    const elsewhere = ((out[0]! >>> 5) * 2 ** 26 + (out[1]! >>> 6)) / 2 ** 53;
    expect(counter).toBe(1);
    expect(stream.uniform()).toBe(elsewhere);
  });

  it('gives a child the stream of the longer name and does not advance', () => {
    const stream = randomStream(7);
    const child = stream.child(3, 4);
    expect(Array.from({ length: 5 }, () => child.uniform())).toEqual(draws(7, 3, 4));
    expect(stream.uniform()).toBe(draws(7)[0]);
  });

  it('draws uniforms, integers and normals with the expected moments', () => {
    const stream = randomStream(42);
    const N = 20000;
    const u = Array.from({ length: N }, () => stream.uniform());
    expect(Math.min(...u)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...u)).toBeLessThan(1);
    expect(u.reduce((a, b) => a + b) / N).toBeCloseTo(0.5, 2);
    const counts = new Array(6).fill(0);
    for (let i = 0; i < N; i++) counts[stream.int(6)]++;
    for (const count of counts) expect(Math.abs(count / N - 1 / 6)).toBeLessThan(0.012);
    const z = Array.from({ length: N }, () => stream.normal());
    expect(Math.abs(z.reduce((a, b) => a + b) / N)).toBeLessThan(0.03);
    expect(z.reduce((a, b) => a + b * b) / N).toBeCloseTo(1, 1);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => randomStream(-1)).toThrow(DomainError);
    expect(() => randomStream(0.5)).toThrow('randomStream: expected keys that are integers >= 0, got 0.5');
    expect(() => randomStream(1).int(0)).toThrow('expected an integer bound >= 1, got 0');
  });
});
