/**
 * Verdicts on plans. A plan is correct if every action is executable and the goal holds at the end. With
 * `accept: optimal` it must also have the fewest possible actions.
 * @module
 */

import { excerpt } from '../../grade/verdict.ts';
import type { Verdict } from '../../task/task.ts';
import type { PlanReading } from './planbench-prompt.ts';
import {
  type Domain,
  type Failure,
  type Problem,
  planText,
  type Simulation,
  type Step,
  simulate,
} from './strips.ts';

export interface PlanVerifierOptions {
  /**
   * The plans that are correct. `valid`: any plan that reaches the goal; `optimal`: only a plan with the
   * fewest actions.
   */
  readonly accept: 'valid' | 'optimal';
  /**
   * Largest reward of a plan that is not correct, in [0, 1]. The reward of the plan is this value times
   * {@link goalShare}. With 0, only correct plans have a reward.
   */
  readonly partialCredit: number;
}

export const DEFAULT_PLAN_VERIFIER: PlanVerifierOptions = { accept: 'valid', partialCredit: 0 };

/** Returns the number of actions of a shortest plan. It is called only if the length of a plan matters. */
export type FewestActions = () => number;

/**
 * Verifies a plan.
 *
 * @param attempt.plan - the parsed plan; a plan without actions does not count as an answer
 * @param how - options, and a function that returns the number of actions of a shortest plan
 * @returns a verdict with reward 1 for a correct plan, else `partialCredit` times {@link goalShare}
 */
export function verifyPlan(
  domain: Domain,
  { problem, plan }: { readonly problem: Problem; readonly plan: readonly Step[] },
  how: PlanVerifierOptions & { readonly fewest: FewestActions },
): Verdict {
  if (plan.length === 0) return { correct: false, reward: 0, reason: 'no answer: the text has no action' };
  const simulation = simulate(domain, problem, plan);
  const reason = failureReason(domain, plan, simulation) ?? tooLong(plan, how);
  const answer = planText(plan);
  if (reason === undefined)
    return { correct: true, reward: 1, answer, reason: `reaches the goal in ${actions(plan.length)}` };
  return { correct: false, reward: how.partialCredit * goalShare(problem, simulation), answer, reason };
}

/** Returns the answer of the verdict on a plan; undefined if no plan could be parsed. */
export function planAnswer(read: PlanReading): string | undefined {
  return 'plan' in read && read.plan.length > 0 ? planText(read.plan) : undefined;
}

/**
 * Returns the share of the initially missing goal facts that hold after the longest executable prefix of the
 * plan. Goal facts that held initially and hold no longer are deducted, so an empty plan has share 0.
 *
 * @returns within [0, 1]
 */
export function goalShare({ init, goal }: Problem, { unmetGoals }: Simulation): number {
  const start = new Set(init);
  const missing = goal.filter((fact) => !start.has(fact)).length;
  return missing === 0 ? 0 : Math.max(0, (missing - unmetGoals.length) / missing);
}

function failureReason(
  domain: Domain,
  plan: readonly Step[],
  { executed, failure, unmetGoals }: Simulation,
): string | undefined {
  if (failure !== undefined)
    return `action ${executed + 1}, ${domain.describeAction(failure.step)}: ${describeCause(domain, failure)}`;
  if (unmetGoals.length === 0) return undefined;
  const more = unmetGoals.length > 1 ? ` (and ${unmetGoals.length - 1} more)` : '';
  return `after ${actions(plan.length)} the goal does not hold: not ${domain.describeFact(unmetGoals[0])}${more}`;
}

function describeCause(domain: Domain, { step, cause }: Failure): string {
  switch (cause.kind) {
    case 'unknown-action':
      return `there is no action ${excerpt(step.action)}`;
    case 'wrong-objects':
      return `expected ${cause.expected} objects, got ${step.objects.length}`;
    case 'missing':
      return domain.describeMissing(cause.fact);
    default:
      return cause satisfies never;
  }
}

function tooLong(
  plan: readonly Step[],
  { accept, fewest }: PlanVerifierOptions & { readonly fewest: FewestActions },
): string | undefined {
  if (accept === 'valid') return undefined;
  const best = fewest();
  return plan.length > best ? `reaches the goal in ${actions(plan.length)}, but ${best} suffice` : undefined;
}

function actions(count: number): string {
  return `${count} action${count === 1 ? '' : 's'}`;
}
