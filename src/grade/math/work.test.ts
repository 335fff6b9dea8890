import { expect, it } from 'vitest';
import { TooMuchWork, Work, withinLimits } from './work.ts';

it('a purse ends the work when it is empty', () => {
  const work = new Work(10);
  work.spend(10);
  expect(() => work.spend(1)).toThrow(TooMuchWork);
});

it('a part is no more than asked for, and comes out of the whole', () => {
  const work = new Work(10);
  const part = work.part(4);
  expect(() => part.spend(5)).toThrow(TooMuchWork);
  expect(work.part(100)).toBeInstanceOf(Work);
  expect(() => work.spend(6)).toThrow(TooMuchWork);
  expect(() => new Work(10).spend(10)).not.toThrow();
});

it('integers have a largest size', () => {
  expect(() => new Work().requireBits(5000)).toThrow(TooMuchWork);
  expect(() => new Work().requireBits(4000)).not.toThrow();
});

it('withinLimits lets other errors pass', () => {
  expect(withinLimits(() => new Work(0).spend(1))).toBeUndefined();
  expect(withinLimits(() => 7)).toBe(7);
  expect(() =>
    withinLimits(() => {
      throw new RangeError('no');
    }),
  ).toThrow(RangeError);
});
