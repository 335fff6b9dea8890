import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { crossFittedGain, informationGain, kappaFromScores } from './information-gain.ts';
import { dot, multiply } from './linear.ts';
import { randomStream } from './rng.ts';

const S = [
  [1, 0, 0.5],
  [-0.5, 1, 0],
  [0.25, -0.75, 1],
  [0, 0.5, -1],
];
const A = [1, -0.5, 0.25, 0.75];

describe('kappaFromScores', () => {
  it.each(['direct', 'gram', 'cg'] as const)('matches NumPy with the %s route', (route) => {
    // expected values computed with NumPy from the scores S and advantages A of N trajectories: F = S.T@S/N +
    // .05 I; n = solve(F, S.T@A/N); g@n; sqrt(2 g@n)
    const { gradient, natural, quad, kappa } = kappaFromScores(
      { scores: S, advantages_N: A },
      { epsilon: 0.05, route },
    );
    [0.328125, -0.078125, 0].forEach((x, d) => {
      expect(gradient[d]).toBeCloseTo(x, 15);
    });
    [1.022952834654085, -0.0004771502297954597, -0.3133922709297176].forEach((x, d) => {
      expect(natural[d]).toBeCloseTo(x, 11);
    });
    expect(quad).toBeCloseTo(0.33569367623257446, 12);
    expect(kappa).toBeCloseTo(0.8193822993359992, 12);
  });

  it('is the same for all routes, with more or fewer trajectories than parameters', () => {
    const entry = fc.double({ min: -1, max: 1, noNaN: true });
    const shape = fc.constantFrom([3, 6], [6, 3], [4, 4]);
    fc.assert(
      fc.property(
        shape.chain(([N, D]) =>
          fc.tuple(
            fc.array(fc.array(entry, { minLength: D, maxLength: D }), { minLength: N, maxLength: N }),
            fc.array(entry, { minLength: N, maxLength: N }),
          ),
        ),
        ([scores, advantages_N]) => {
          const [direct, gram, cg] = (['direct', 'gram', 'cg'] as const).map((route) =>
            kappaFromScores({ scores, advantages_N }, { epsilon: 0.01, route }),
          );
          expect(gram.quad).toBeCloseTo(direct.quad, 9);
          expect(cg.quad).toBeCloseTo(direct.quad, 9);
          expect(kappaFromScores({ scores, advantages_N }, { epsilon: 0.01 }).quad).toBeCloseTo(
            direct.quad,
            9,
          );
        },
      ),
    );
  });

  it('does not depend on the scores with more parameters than trajectories: quad tends to mean(A²)', () => {
    const stream = randomStream(2);
    const scores = Array.from({ length: 6 }, () => Array.from({ length: 40 }, () => stream.normal()));
    const advantages_N = scores.map(() => stream.normal());
    const { quad } = kappaFromScores({ scores, advantages_N }, { epsilon: 1e-9 });
    expect(quad).toBeCloseTo(dot(advantages_N, advantages_N) / 6, 6);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => kappaFromScores({ scores: [], advantages_N: [] }, { epsilon: 1 })).toThrow(DomainError);
    expect(() => kappaFromScores({ scores: S, advantages_N: [1] }, { epsilon: 1 })).toThrow(
      'kappaFromScores: expected 4 advantages, got 1',
    );
    expect(() => kappaFromScores({ scores: S, advantages_N: A }, { epsilon: 0 })).toThrow(
      'expected epsilon > 0, got 0',
    );
    expect(() => kappaFromScores({ scores: [[1], [1, 2]], advantages_N: [1, 1] }, { epsilon: 1 })).toThrow(
      'expected 1 score entries, got 2',
    );
  });
});

describe('informationGain', () => {
  const fisher = [
    [2, 0],
    [0, 0.5],
  ];

  it('matches a diagonal case computed by hand', () => {
    const { kappa, a, lambdaMin, gain, step } = informationGain(
      { gradient: [2, 1], fisher, lipschitz: 3 },
      { delta: 0.01, epsilon: 0 },
    );
    // gᵀF⁻¹g = 4/2 + 1/0.5 = 4
    expect(kappa).toBeCloseTo(Math.sqrt(8), 14);
    expect(lambdaMin).toBe(0.5);
    expect(a).toBe(6);
    expect(gain).toBeCloseTo(Math.sqrt(8) * 0.1 - 0.06, 14);
    const scale = Math.sqrt(0.02 / 4);
    expect([...step]).toEqual([expect.closeTo(scale, 14), expect.closeTo(2 * scale, 14)]);
  });

  it('uses exactly the radius: ½ΔᵀF_regΔ = δ', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 2 }),
        (gradient) => {
          fc.pre(dot(gradient, gradient) > 1e-6);
          const { step } = informationGain({ gradient, fisher, lipschitz: 1 }, { delta: 0.03, epsilon: 0.1 });
          const regularised = fisher.map((row, i) => row.map((x, j) => x + (i === j ? 0.1 : 0)));
          expect(dot(step, multiply(regularised, step)) / 2).toBeCloseTo(0.03, 12);
        },
      ),
    );
  });

  it('takes no step without a gradient, and throws for invalid input', () => {
    const none = informationGain({ gradient: [0, 0], fisher, lipschitz: 1 }, { delta: 0.1, epsilon: 0.1 });
    expect([...none.step, none.kappa]).toEqual([0, 0, 0]);
    expect(() =>
      informationGain({ gradient: [1], fisher, lipschitz: 1 }, { delta: 0.1, epsilon: 0 }),
    ).toThrow('informationGain: expected 1 rows of the Fisher matrix, got 2');
    expect(() =>
      informationGain({ gradient: [1, 1], fisher, lipschitz: 1 }, { delta: -1, epsilon: 0 }),
    ).toThrow('expected delta >= 0, got -1');
  });
});

describe('crossFittedGain', () => {
  const halves = (signal: number, stream = randomStream(9)) => {
    const half = (N: number) => {
      const scores = Array.from({ length: N }, () => Array.from({ length: 60 }, () => stream.normal()));
      return { scores, advantages_N: scores.map((row) => signal * row[0] + stream.normal()) };
    };
    return [half(40), half(40)] as const;
  };

  it('estimates no gain for pure noise, where the plug-in does', () => {
    let claimed = 0;
    let gain = 0;
    for (let run = 0; run < 40; run++) {
      const [fit, heldOut] = halves(0, randomStream(9, run));
      const result = crossFittedGain(fit, heldOut, { delta: 0.01, epsilon: 0.01 });
      claimed += result.claimed / 40;
      gain += result.gain / 40;
    }
    expect(claimed).toBeGreaterThan(0.1);
    expect(Math.abs(gain)).toBeLessThan(0.015);
  });

  it('estimates a real gain', () => {
    const [fit, heldOut] = halves(3);
    expect(crossFittedGain(fit, heldOut, { delta: 0.01, epsilon: 0.01 }).gain).toBeGreaterThan(0.1);
  });
});
