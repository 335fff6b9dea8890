import { describe, expect, it } from 'vitest';
import { BLOCKSWORLD } from '../blocksworld/domain.ts';
import { readSteps } from '../blocksworld/notation.ts';
import { DEFAULT_PLAN_VERIFIER, type PlanVerifierOptions, verifyPlan } from './verify-plan.ts';

/** A problem: a, b and c are on the table; the goal is a on b on c. */
const problem = {
  init: ['handempty', 'ontable a', 'ontable b', 'ontable c', 'clear a', 'clear b', 'clear c'],
  goal: ['on a b', 'on b c'],
};

function verified(plan: string, options: Partial<PlanVerifierOptions> = {}) {
  const how = { ...DEFAULT_PLAN_VERIFIER, ...options, fewest: () => 4 };
  return verifyPlan(BLOCKSWORLD, { problem, plan: readSteps(plan) }, how);
}

describe('verifyPlan', () => {
  it('accepts any plan that reaches the goal', () => {
    expect(verified('^b_bc^a_ab')).toEqual({
      correct: true,
      reward: 1,
      answer: '(pick-up b) (stack b c) (pick-up a) (stack a b)',
      reason: 'reaches the goal in 4 actions',
    });
    expect(verified('^b_b^b_bc^a_ab').correct).toBe(true);
  });

  it('gives one clause as the reason', () => {
    const reasons = ['^a_ab^b', '^a^b', '_a', '^b_bc', '^a_a', '^ab', ''].map(
      (plan) => verified(plan).reason,
    );
    expect(reasons).toEqual([
      'action 3, pick up b: b is not clear',
      'action 2, pick up b: b is not clear'.replace('b is not clear', 'the hand is not empty'),
      'action 1, put down a: the hand does not hold a',
      'after 2 actions the goal does not hold: not a is on b',
      'after 2 actions the goal does not hold: not a is on b (and 1 more)',
      'action 1, unstack a from b: a is not on b',
      'no answer: the text has no action',
    ]);
    const how = { ...DEFAULT_PLAN_VERIFIER, fewest: () => 4 };
    const strange = (action: string, objects: string[]) =>
      verifyPlan(BLOCKSWORLD, { problem, plan: [{ action, objects }] }, how).reason;
    expect(strange('fly', ['a'])).toBe('action 1, fly a: there is no action "fly"');
    expect(strange('stack', ['a'])).toBe('action 1, stack a: expected 2 objects, got 1');
  });

  it('limits the number of actions only with accept optimal', () => {
    expect(verified('^b_b^b_bc^a_ab', { accept: 'optimal' })).toMatchObject({
      correct: false,
      reward: 0,
      reason: 'reaches the goal in 6 actions, but 4 suffice',
    });
    expect(verified('^b_bc^a_ab', { accept: 'optimal' }).correct).toBe(true);
  });

  it('rewards a share of the goal with partial credit, and such a plan is not correct', () => {
    const rewards = (credit: number) =>
      ['^b_bc', '^b_bc^c', '^a_a', '_a', ''].map((plan) => verified(plan, { partialCredit: credit }));
    expect(rewards(0.5).map(({ reward }) => reward)).toEqual([0.25, 0.25, 0, 0, 0]);
    expect(rewards(0).map(({ reward }) => reward)).toEqual([0, 0, 0, 0, 0]);
    expect(rewards(0.5).some(({ correct }) => correct)).toBe(false);
  });

  it('does not reward goal facts that hold at the start, and deducts lost ones', () => {
    const built = {
      init: ['handempty', 'ontable a', 'on b a', 'clear b', 'ontable c', 'clear c'],
      goal: ['on b a', 'on c b'],
    };
    const how = { ...DEFAULT_PLAN_VERIFIER, partialCredit: 1, fewest: () => 2 };
    const reward = (plan: string) =>
      verifyPlan(BLOCKSWORLD, { problem: built, plan: readSteps(plan) }, how).reward;
    expect([reward('^c_c'), reward('^ba_b'), reward('^c_cb')]).toEqual([0, 0, 1]);
  });
});
