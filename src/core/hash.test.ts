import { describe, expect, it } from 'vitest';
import { bucketOf, fnv1a } from './hash.ts';

describe('fnv1a', () => {
  // test vectors of the FNV authors (test_fnv.c of http://www.isthe.com/chongo/tech/comp/fnv/)
  it('matches the published vectors', () => {
    expect(fnv1a('')).toBe(0x811c9dc5);
    expect(fnv1a('a')).toBe(0xe40c292c);
    expect(fnv1a('foobar')).toBe(0xbf9cf968);
  });

  it('hashes UTF-8 bytes, not code units', () => {
    // 'é' is C3 A9: ((offset ^ c3) * prime ^ a9) * prime mod 2^32, computed separately with exact integers
    const exact = [0xc3n, 0xa9n].reduce((h, b) => ((h ^ b) * 0x01000193n) % 2n ** 32n, 0x811c9dc5n);
    expect(BigInt(fnv1a('é'))).toBe(exact);
  });
});

describe('bucketOf', () => {
  it('returns pinned values: another bucket for a key would mix the splits of old and new runs', () => {
    expect(['1+2', '1+3', '9 9 2>20', 'how many?'].map((key) => bucketOf(key, 100))).toMatchInlineSnapshot(`
      [
        63,
        48,
        77,
        85,
      ]
    `);
  });

  it('distributes keys that differ in one digit uniformly over the buckets', () => {
    const counts = new Array<number>(100).fill(0);
    const keys = 20_000;
    for (let i = 0; i < keys; i++) counts[bucketOf(`${i}`, 100)]++;
    const expected = keys / 100;
    const chiSquared = counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // a chi-squared value with 99 degrees of freedom lies in [55, 161] with probability 1 - 2e-4
    expect(chiSquared).toBeGreaterThan(55);
    expect(chiSquared).toBeLessThan(161);
  });
});
