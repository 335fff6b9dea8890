import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupNormalizedAdvantages, groupRelativeAdvantages } from './advantage.ts';
import { DomainError } from './errors.ts';

const values = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 });
const grouped = fc
  .array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 16,
  })
  .map((pairs) => ({ x: pairs.map(([v]) => v / 7), g: pairs.map(([, g]) => g) }));

describe('groupNormalizedAdvantages', () => {
  it('matches two groups computed by hand', () => {
    const adv = groupNormalizedAdvantages([1, 0, 5, 5, 3, 9], [7, 7, 9, 9, 8, 7]);
    // group 7 has mean 10/3 and standard deviation sqrt((49+100+289)/27)
    const sigma = Math.sqrt(438 / 27);
    expect(adv[0]).toBeCloseTo((1 - 10 / 3) / sigma, 7);
    expect(adv[5]).toBeCloseTo((9 - 10 / 3) / sigma, 7);
    expect([adv[2], adv[3], adv[4]]).toEqual([0, 0, 0]);
  });

  it('matches NumPy', () => {
    // expected values computed with NumPy: (r - r.mean()) / (r.std() + 1e-8) for r = [3, 1, 2, -4, 0.5]
    const golden = [1.0380684938614049, 0.20761369877228095, 0.6228410963168428, -1.8685232889505285, 0];
    const adv = groupNormalizedAdvantages([3, 1, 2, -4, 0.5], [0, 0, 0, 0, 0]);
    adv.forEach((x, n) => {
      expect(x).toBeCloseTo(golden[n], 14);
    });
  });

  it('is exactly 0 for a constant group, even if the mean is rounded', () => {
    expect([...groupNormalizedAdvantages([0.1, 0.1, 0.1], [0, 0, 0])]).toEqual([0, 0, 0]);
    expect([...groupNormalizedAdvantages([0.1, 0.1 + 5e-13], [0, 0])]).toEqual([0, 0]);
  });

  it('centres without division with normalise mean', () => {
    expect([...groupNormalizedAdvantages([1, 0, 0, 1], [0, 0, 0, 0], { normalise: 'mean' })]).toEqual([
      0.5, -0.5, -0.5, 0.5,
    ]);
  });

  it('reaches the clip of 5 first in a group of 27', () => {
    const oneOf = (G: number) =>
      Math.max(
        ...groupNormalizedAdvantages([1, ...new Array(G - 1).fill(0)], new Array(G).fill(0), { clip: 100 }),
      );
    expect(oneOf(26)).toBeLessThanOrEqual(5);
    expect(oneOf(27)).toBeGreaterThan(5);
    expect(oneOf(8)).toBeCloseTo(Math.sqrt(7), 6);
  });

  it('is centred per group and within the clip', () => {
    fc.assert(
      fc.property(grouped, ({ x, g }) => {
        const adv = groupNormalizedAdvantages(x, g, { clip: 5 });
        for (const id of new Set(g)) {
          const own = [...adv].filter((_, n) => g[n] === id);
          expect(Math.abs(own.reduce((a, b) => a + b, 0))).toBeLessThan(1e-6);
        }
        for (const a of groupNormalizedAdvantages(x, g, { clip: 0.5 }))
          expect(Math.abs(a)).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  it('is invariant to a shift and, up to epsilon, to a positive scale', () => {
    fc.assert(
      fc.property(values, (x) => {
        const g = x.map(() => 0);
        const adv = groupNormalizedAdvantages(x, g);
        fc.pre(Math.max(...x) - Math.min(...x) > 1e-1);
        const moved = groupNormalizedAdvantages(
          x.map((v) => 10 * v + 3),
          g,
        );
        moved.forEach((a, n) => {
          expect(Math.abs(a - adv[n])).toBeLessThan(1e-5);
        });
      }),
    );
  });

  it('does not depend on the returns of other prompts', () => {
    const one = groupNormalizedAdvantages([1, 0, 4, 7], [0, 0, 1, 1]);
    const other = groupNormalizedAdvantages([1, 0, -9, 2], [0, 0, 1, 1]);
    expect([...one.slice(0, 2)]).toEqual([...other.slice(0, 2)]);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => groupNormalizedAdvantages([1], [])).toThrow(DomainError);
    expect(() => groupNormalizedAdvantages([1], [])).toThrow(
      'groupNormalizedAdvantages: expected 1 group ids, got 0',
    );
    expect(() => groupNormalizedAdvantages([1, Number.NaN], [0, 0])).toThrow(
      'expected finite values_N[1], got NaN',
    );
    expect(() => groupNormalizedAdvantages([1], [0], { clip: 0 })).toThrow('expected clip > 0, got 0');
    expect(() => groupNormalizedAdvantages([1], [0], { epsilon: -1 })).toThrow(
      'expected epsilon >= 0, got -1',
    );
  });
});

describe('groupRelativeAdvantages', () => {
  it('weights both the baseline and the advantage', () => {
    // the baseline is b = (1·1 + 0.5·0)/1.5 = 2/3
    const adv = groupRelativeAdvantages([1, 0], [1, 0.5], [0, 0]);
    expect(adv[0]).toBeCloseTo(1 / 3, 15);
    expect(adv[1]).toBeCloseTo(-1 / 3, 15);
  });

  it('is the return minus the group mean for fresh rollouts', () => {
    expect([...groupRelativeAdvantages([1, 0, 0, 1, 6], [1, 1, 1, 1, 1], [3, 3, 3, 3, 4])]).toEqual([
      0.5, -0.5, -0.5, 0.5, 0,
    ]);
  });

  it('is 0 for a group whose weights are 0', () => {
    expect([...groupRelativeAdvantages([1, 0], [1e-14, 0], [0, 0])]).toEqual([0, 0]);
  });

  it('sums to 0 within a group for any weights', () => {
    fc.assert(
      fc.property(
        grouped,
        fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 }),
        ({ x, g }, w) => {
          const adv = groupRelativeAdvantages(x, w.slice(0, x.length), g);
          for (const id of new Set(g)) {
            const sum = [...adv].reduce((acc, a, n) => acc + (g[n] === id ? a : 0), 0);
            expect(Math.abs(sum)).toBeLessThan(1e-9);
          }
        },
      ),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => groupRelativeAdvantages([1, 2], [1], [0, 0])).toThrow(
      'groupRelativeAdvantages: expected 2 weights, got 1',
    );
    expect(() => groupRelativeAdvantages([1], [-0.5], [0])).toThrow('expected omega_N[0] >= 0, got -0.5');
    expect(() => groupRelativeAdvantages([Infinity], [1], [0])).toThrow('expected finite returns_N[0]');
  });
});
