/**
 * Verdicts on plans: a plan is right if every action can be taken and the goal holds at the end. How long it
 * is counts only where asked for.
 * @module
 */

import { excerpt } from '../../grade/verdict.ts';
import type { Verdict } from '../../task/task.ts';
import type { PlanReading } from './planbench-words.ts';
import {
  type Domain,
  type Failure,
  type Problem,
  planText,
  type Simulation,
  type Step,
  simulate,
} from './strips.ts';

export interface JudgeOptions {
  /** `valid`: any plan that reaches the goal; `optimal`: only one with no more actions than `best`. */
  readonly accept: 'valid' | 'optimal';
  /**
   * Reward of a plan that is not right and reaches every goal fact that did not hold at the start; one that
   * reaches a share of them gets that share of it. 0: only right plans are paid.
   */
  readonly partialCredit: number;
}

export const DEFAULT_JUDGE: JudgeOptions = { accept: 'valid', partialCredit: 0 };

/** The fewest actions, where a plan's length matters; asked for only then. */
export type Fewest = () => number;

/**
 * Judges a plan.
 *
 * @param problem - what it is for
 * @param plan - as read; an empty plan is no answer
 * @param how - judging, and the fewest actions that reach the goal
 * @returns reward 1 for a right plan, else `partialCredit` times {@link goalShare}
 */
export function judgePlan(
  domain: Domain,
  { problem, plan }: { readonly problem: Problem; readonly plan: readonly Step[] },
  how: JudgeOptions & { readonly fewest: Fewest },
): Verdict {
  if (plan.length === 0) return { correct: false, reward: 0, reason: 'no answer: the text has no action' };
  const simulation = simulate(domain, problem, plan);
  const reason = objection(domain, plan, simulation) ?? tooLong(plan, how);
  const answer = planText(plan);
  if (reason === undefined)
    return { correct: true, reward: 1, answer, reason: `reaches the goal in ${actions(plan.length)}` };
  return { correct: false, reward: how.partialCredit * goalShare(problem, simulation), answer, reason };
}

/** The answer that a verdict on a plan carries; undefined where there is none. */
export function planAnswer(read: PlanReading): string | undefined {
  return 'plan' in read && read.plan.length > 0 ? planText(read.plan) : undefined;
}

/**
 * Share of the goal facts missing at the start that hold after the longest executable beginning; facts that
 * held and were lost count against it, so doing nothing earns nothing and undoing never pays.
 *
 * @returns within [0, 1]
 */
export function goalShare({ init, goal }: Problem, { open }: Simulation): number {
  const start = new Set(init);
  const missing = goal.filter((fact) => !start.has(fact)).length;
  return missing === 0 ? 0 : Math.max(0, (missing - open.length) / missing);
}

function objection(
  domain: Domain,
  plan: readonly Step[],
  { executed, failure, open }: Simulation,
): string | undefined {
  if (failure !== undefined)
    return `action ${executed + 1}, ${domain.sayStep(failure.step)}: ${sayCause(domain, failure)}`;
  if (open.length === 0) return undefined;
  const more = open.length > 1 ? ` (and ${open.length - 1} more)` : '';
  return `after ${actions(plan.length)} the goal does not hold: not ${domain.sayFact(open[0])}${more}`;
}

function sayCause(domain: Domain, { step, cause }: Failure): string {
  switch (cause.kind) {
    case 'unknown-action':
      return `there is no action ${excerpt(step.action)}`;
    case 'wrong-objects':
      return `expected ${cause.expected} objects, got ${step.objects.length}`;
    case 'missing':
      return domain.sayMissing(cause.fact);
    default:
      return cause satisfies never;
  }
}

function tooLong(
  plan: readonly Step[],
  { accept, fewest }: JudgeOptions & { readonly fewest: Fewest },
): string | undefined {
  if (accept === 'valid') return undefined;
  const best = fewest();
  return plan.length > best ? `reaches the goal in ${actions(plan.length)}, but ${best} suffice` : undefined;
}

function actions(count: number): string {
  return `${count} action${count === 1 ? '' : 's'}`;
}
