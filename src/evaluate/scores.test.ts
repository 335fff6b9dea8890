import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../core/errors.ts';
import { randomStream } from '../core/rng.ts';
import { correct, incorrect } from '../grade/verdict.ts';
import { type Answer, measureOf, scoresOf } from './scores.ts';

/**
 * Creates one answer per letter, in order of sample: `x` is right, `?` is no answer, every other letter is
 * wrong.
 */
function answers(letters: string, meanLogp: readonly number[] = []): Answer[] {
  return [...letters].map((letter, sample) => ({
    sample,
    meanLogp: meanLogp[sample] ?? -1,
    verdict:
      letter === 'x'
        ? correct('x', 'yes')
        : letter === '?'
          ? { correct: false, reward: 0, reason: 'nothing' }
          : incorrect(letter, 'no'),
  }));
}

const score = (prompts: readonly Answer[][], k: number) =>
  scoresOf(prompts, { items: prompts.map((_, p) => `test-${p}`), k, stream: randomStream(1) });

describe('scoresOf', () => {
  it('computes avg@K, pass@k and maj@K of every prompt', () => {
    const scores = score([answers('xxab'), answers('aaxb'), answers('xxxx'), answers('abcd')], 2);
    expect([...scores.avg.perPrompt]).toEqual([0.5, 0.25, 1, 0]);
    // pass@2 from 4 samples: 1 - C(2,2)/C(4,2) = 5/6 with 2 correct, 1 - C(3,2)/C(4,2) = 1/2 with 1 correct
    expect(scores.pass.perPrompt[0]).toBeCloseTo(5 / 6, 12);
    expect(scores.pass.perPrompt[1]).toBeCloseTo(1 / 2, 12);
    expect([...scores.pass.perPrompt.subarray(2)]).toEqual([1, 0]);
    expect([...scores.maj.perPrompt]).toEqual([1, 0, 1, 0]);
    expect(scores.avg.mean).toBeCloseTo(0.4375, 12);
    expect(scores.reward).toEqual(scores.avg);
    expect(scores.items).toEqual(['test-0', 'test-1', 'test-2', 'test-3']);
  });

  it('breaks ties of the majority by logp and ignores samples without an answer', () => {
    expect(score([answers('xa', [-2, -1])], 1).maj.mean).toBe(0);
    expect(score([answers('xa', [-1, -2])], 1).maj.mean).toBe(1);
    expect(score([answers('ax', [-1, -1])], 1).maj.mean).toBe(0);
    expect(score([answers('???x')], 1).maj.mean).toBe(1);
  });

  it('omits prompts with too few answers from a mean', () => {
    const scores = score([answers('xa'), [], answers('x')], 2);
    expect([...scores.avg.perPrompt]).toEqual([0.5, Number.NaN, 1]);
    expect(scores.avg.mean).toBe(0.75);
    expect([...scores.pass.perPrompt]).toEqual([1, Number.NaN, Number.NaN]);
    expect(() => score([[], []], 1)).toThrow(DomainError);
  });

  it('has equal avg, pass and maj at k = 1 and K = 1', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('x', 'a', '?'), { minLength: 1, maxLength: 20 }), (letters) => {
        const scores = score(
          letters.map((letter) => answers(letter)),
          1,
        );
        expect(scores.pass).toEqual(scores.avg);
        expect(scores.maj).toEqual(scores.avg);
      }),
    );
  });

  it('has pass@K between avg@K and 1', () => {
    const prompt = fc.array(fc.constantFrom('x', 'a', 'b', '?'), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(prompt, { minLength: 1, maxLength: 5 }), (prompts) => {
        const { avg, pass } = score(
          prompts.map((letters) => answers(letters.join(''))),
          4,
        );
        pass.perPrompt.forEach((value, p) => {
          expect(value).toBeGreaterThanOrEqual(avg.perPrompt[p]);
          expect(value).toBeLessThanOrEqual(1);
        });
      }),
      { numRuns: 30 },
    );
  });
});

describe('measureOf', () => {
  it('is Wilson’s interval if every value is 0 or 1', () => {
    // Lower end for 10 correct of 10: n / (n + z^2) with z = 1.959964, as computed by statsmodels
    // proportion_confint(10, 10, method='wilson')
    const all = measureOf(new Float64Array(10).fill(1), randomStream(1));
    expect(all.low).toBeCloseTo(0.722467, 5);
    expect(all.high).toBe(1);
  });

  it('is a bootstrap over prompts for other values', () => {
    const values = Float64Array.from({ length: 400 }, (_, p) => [0, 0.25, 0.5, 1][p % 4]);
    const { mean, low, high } = measureOf(values, randomStream(1));
    // the standard error is sd / sqrt(400) = 0.3698 / 20, so the interval is about 0.4375 -+ 1.96 * 0.01849
    expect(mean).toBeCloseTo(0.4375, 12);
    expect(low).toBeCloseTo(0.4013, 2);
    expect(high).toBeCloseTo(0.4737, 2);
    expect(measureOf(values, randomStream(1))).toEqual({ mean, low, high, perPrompt: values });
  });
});
