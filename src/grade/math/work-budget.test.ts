import { expect, it } from 'vitest';
import { WorkBudget, WorkBudgetExceeded, withinLimits } from './work-budget.ts';

it('an exhausted budget throws', () => {
  const work = new WorkBudget(10);
  work.spend(10);
  expect(() => work.spend(1)).toThrow(WorkBudgetExceeded);
});

it('a part is limited and is charged to the whole budget', () => {
  const work = new WorkBudget(10);
  const part = work.part(4);
  expect(() => part.spend(5)).toThrow(WorkBudgetExceeded);
  expect(work.part(100)).toBeInstanceOf(WorkBudget);
  expect(() => work.spend(6)).toThrow(WorkBudgetExceeded);
  expect(() => new WorkBudget(10).spend(10)).not.toThrow();
});

it('integers have a maximum size', () => {
  expect(() => new WorkBudget().requireBits(5000)).toThrow(WorkBudgetExceeded);
  expect(() => new WorkBudget().requireBits(4000)).not.toThrow();
});

it('withinLimits does not catch other errors', () => {
  expect(withinLimits(() => new WorkBudget(0).spend(1))).toBeUndefined();
  expect(withinLimits(() => 7)).toBe(7);
  expect(() =>
    withinLimits(() => {
      throw new RangeError('no');
    }),
  ).toThrow(RangeError);
});
