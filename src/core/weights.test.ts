import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { messageLogRatio, prefixWeights, suffixWeights, turnLogRatios, turnWeights } from './weights.ts';

describe('messageLogRatio', () => {
  it("adds the tokens' differences", () => {
    expect(messageLogRatio([-1, -2], [-1.5, -1.75])).toBe(0.25);
    expect(messageLogRatio([], [])).toBe(0);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => messageLogRatio([1], [])).toThrow(
      'messageLogRatio: expected 1 old log-probabilities, got 0',
    );
  });
});

describe('turnLogRatios', () => {
  const messages = [
    { turn: 0, agent: 0, logRatio: 0.5 },
    { turn: 0, agent: 1, logRatio: 0.25 },
    { turn: 2, agent: 0, logRatio: -1 },
    { turn: 1, agent: 2, logRatio: 9 },
  ];

  it('adds the updated agents of a turn and omits the others', () => {
    expect([...turnLogRatios(messages, new Set([0, 1]), 4)]).toEqual([0.75, 0, -1, 0]);
    expect([...turnLogRatios(messages, new Set([1]), 3)]).toEqual([0.25, 0, 0]);
  });

  it('is 0 everywhere if no agent is updated', () => {
    expect([...turnLogRatios(messages, new Set(), 3)]).toEqual([0, 0, 0]);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => turnLogRatios(messages, new Set(), 2)).toThrow('turnLogRatios: expected turns 0..1, got 2');
  });
});

describe('turnWeights', () => {
  it('truncates at cbar and multiplies', () => {
    const { rho, c, omega } = turnWeights([Math.log(0.5), Math.log(3), Math.log(0.25)]);
    expect(rho[1]).toBeCloseTo(3, 14);
    expect(c[1]).toBe(1);
    expect(omega).toBeCloseTo(0.125, 15);
    expect(turnWeights([Math.log(3)], { cbar: 2 }).omega).toBe(2);
  });

  it('is 1 everywhere for fresh rollouts, also without turns', () => {
    const { rho, c, omega } = turnWeights([0, 0]);
    expect([...rho, ...c, omega]).toEqual([1, 1, 1, 1, 1]);
    expect(turnWeights([]).omega).toBe(1);
  });

  it('clamps log-ratios to 20 nats', () => {
    const { logRho, rho } = turnWeights([1000, -1000]);
    expect([...logRho]).toEqual([20, -20]);
    expect(rho[0]).toBe(Math.exp(20));
  });

  it('never exceeds cbar, and omega never exceeds the smallest weight at cbar 1', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 1 }), (x) => {
        const { c, rho, omega } = turnWeights(x);
        c.forEach((weight, t) => {
          expect(weight).toBe(Math.min(1, rho[t]));
        });
        expect(omega).toBeLessThanOrEqual(Math.min(...c) * (1 + 1e-15));
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => turnWeights([0, Number.NaN])).toThrow(DomainError);
    expect(() => turnWeights([0, Number.NaN])).toThrow('turnWeights: expected finite logRatios[1], got NaN');
    expect(() => turnWeights([0], { cbar: 0 })).toThrow('expected cbar > 0, got 0');
  });
});

describe('prefixWeights', () => {
  it('includes the turn itself', () => {
    expect([...prefixWeights([0.5, 1, 0.25])]).toEqual([0.5, 0.5, 0.125]);
    expect([...prefixWeights([])]).toEqual([]);
  });

  it('ends in omega', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1 }), (x) => {
        const { c, omega } = turnWeights(x);
        expect(prefixWeights(c).at(-1)).toBe(omega);
      }),
    );
  });
});

describe('suffixWeights', () => {
  it('excludes the turn itself and earlier turns', () => {
    expect([...suffixWeights([0.5, 0.25, 1])]).toEqual([0.25, 1, 1]);
    expect([...suffixWeights([])]).toEqual([]);
  });

  it('gives omega when multiplied by the prefix weight', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1 }), (x) => {
        const { c, omega } = turnWeights(x);
        const prefix = prefixWeights(c);
        suffixWeights(c).forEach((weight, t) => {
          expect(weight * prefix[t]).toBeCloseTo(omega, 12);
        });
      }),
    );
  });
});
