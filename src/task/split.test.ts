import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TaskError } from '../support/errors.ts';
import { drawFromSplit, SPLITS, splitOf } from './split.ts';

describe('splitOf', () => {
  it('assigns every text to one split', () => {
    fc.assert(fc.property(fc.string(), (key) => SPLITS.includes(splitOf(key))));
  });

  it('assigns about 70, 15 and 15 percent to train, validation and test', () => {
    const counts = { train: 0, validation: 0, test: 0 };
    for (let i = 0; i < 10_000; i++) counts[splitOf(`problem ${i}`)]++;
    // three standard deviations are 138 for the share of 70 percent and 107 for the shares of 15 percent
    expect(Math.abs(counts.train - 7000)).toBeLessThan(138);
    expect(Math.abs(counts.validation - 1500)).toBeLessThan(107);
    expect(Math.abs(counts.test - 1500)).toBeLessThan(107);
  });
});

describe('drawFromSplit', () => {
  const draw = (stream: { int(bound: number): number }) => ({ key: `${stream.int(1000)}` });

  it('draws only problems of the split, and the same ones for the same seed and index', () => {
    for (const split of SPLITS)
      for (let index = 0; index < 200; index++) {
        const problem = drawFromSplit('demo', draw, { seed: 1, split, index });
        expect(splitOf(problem.key)).toBe(split);
        expect(drawFromSplit('demo', draw, { seed: 1, split, index })).toEqual(problem);
      }
  });

  it('gives different problems for another seed', () => {
    const keys = (seed: number) =>
      Array.from(
        { length: 50 },
        (_, index) => drawFromSplit('demo', draw, { seed, split: 'validation', index }).key,
      );
    expect(keys(1)).not.toEqual(keys(2));
  });

  it('throws if a split has no problem', () => {
    const only = splitOf('the only problem');
    const other = SPLITS.find((split) => split !== only) ?? 'train';
    const attempt = () =>
      drawFromSplit('task demo', () => ({ key: 'the only problem' }), { seed: 1, split: other, index: 0 });
    expect(attempt).toThrow(TaskError);
    expect(attempt).toThrow(/task demo: expected problems for the \w+ split, got none/);
  });
});
