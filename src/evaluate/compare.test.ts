import { describe, expect, it } from 'vitest';
import { DomainError } from '../core/errors.ts';
import { randomStream } from '../core/rng.ts';
import { correct, incorrect } from '../grade/verdict.ts';
import { compare } from './compare.ts';
import { type Scores, scoresOf } from './scores.ts';

/**
 * Computes scores. Each prompt is given as a string with one letter per sample: `x` is a right answer, `a` a
 * wrong one.
 */
function scores(prompts: readonly string[], items = prompts.map((_, p) => `test-${p}`)): Scores {
  const answers = prompts.map((letters) =>
    [...letters].map((letter, sample) => ({
      sample,
      meanLogp: -1,
      verdict: letter === 'x' ? correct('x', 'yes') : incorrect(letter, 'no'),
    })),
  );
  return scoresOf(answers, { items, k: 1, stream: randomStream(1) });
}

describe('compare', () => {
  it('returns the mean difference over prompts and its t interval', () => {
    // the differences are 1, 0, 0, 1; mean 1/2, standard deviation 0.57735, t(0.975, 3) = 3.182446
    const difference = compare(scores(['x', 'x', 'a', 'x']), scores(['a', 'x', 'a', 'a']));
    expect(difference.mean).toBeCloseTo(0.5, 12);
    expect(difference.low).toBeCloseTo(0.5 - 0.918693, 5);
    expect(difference.high).toBeCloseTo(0.5 + 0.918693, 5);
    expect(difference.prompts).toBe(4);
  });

  it('is antisymmetric and detects differences that unpaired intervals miss', () => {
    const prompts = Array.from({ length: 60 }, (_, p) => (p % 2 === 0 ? 'xxxa' : 'aaaa'));
    const better = prompts.map((letters, p) => (p % 3 === 0 ? `x${letters.slice(0, 3)}` : letters));
    const gain = compare(scores(better), scores(prompts));
    const loss = compare(scores(prompts), scores(better));
    expect(gain.low).toBeGreaterThan(0);
    expect(loss.mean).toBeCloseTo(-gain.mean, 12);
    expect(loss.low).toBeCloseTo(-gain.high, 12);
    expect(scores(better).avg.low).toBeLessThan(scores(prompts).avg.high);
  });

  it('compares other measures', () => {
    const [a, b] = [scores(['xxa', 'xaa', 'aaa']), scores(['xaa', 'xaa', 'aaa'])];
    expect(compare(a, b, 'maj').mean).toBeCloseTo(1 / 3, 12);
    expect(compare(a, b, 'avg').mean).toBeCloseTo(1 / 9, 12);
    expect(compare(a, b, 'reward')).toEqual(compare(a, b, 'avg'));
  });

  it('omits prompts on which one side has no answer', () => {
    expect(compare(scores(['x', '', 'x', 'a']), scores(['a', 'x', 'x', 'a'])).prompts).toBe(3);
  });

  it('rejects different prompts', () => {
    expect(() => compare(scores(['x', 'x']), scores(['x']))).toThrow(DomainError);
    expect(() => compare(scores(['x', 'x']), scores(['x', 'x'], ['test-0', 'test-7']))).toThrow(
      'compare: expected the same prompts on both sides, got 2 and 2, different at 1: test-1 and test-7',
    );
  });
});
