/**
 * Runs side by side, from what they recorded: curves, how often the team got worse from one stage to the
 * next, and paired differences on the same test prompts.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import { mean, pairedDifferenceInterval } from '../core/stats.ts';
import type { RunView } from '../run-view/run-view.ts';
import {
  finishedStages,
  sampledTokens,
  stageEvaluations,
  stageRewards,
  updatesOf,
  updateTotals,
} from '../run-view/selectors.ts';
import type { DifferenceRecord } from '../train/events.ts';

/** What the events of one run come to. */
export interface RunFigures {
  readonly stages: number;
  /** Mean reward of each stage's episodes, before its updates [stages]. */
  readonly rewards: readonly number[];
  /** Mean over the stage's accepted updates of the exact KL per token, nats; NaN where none was [stages]. */
  readonly kl: readonly number[];
  readonly updates: number;
  readonly accepted: number;
  /** Sampled for training. */
  readonly tokens: number;
  /** Rewards on test prompts for the base team and after each stage; empty where none were recorded. */
  readonly testRewards: readonly (readonly number[])[];
}

/** @param view - of one run, folded with the rewards of its stage evaluations (`keepRewards`) */
export function runFigures(view: RunView): RunFigures {
  const stages = finishedStages(view);
  const { updates, byStatus } = updateTotals(updatesOf(view));
  return {
    stages: stages.length,
    rewards: stageRewards(view),
    kl: stages.map((stage) => {
      const accepted = stage.updates.flatMap(({ status, kl }) =>
        status === 'ACCEPT' && kl !== undefined ? [kl] : [],
      );
      return accepted.length === 0 ? Number.NaN : mean(accepted);
    }),
    updates,
    accepted: byStatus.ACCEPT,
    tokens: sampledTokens(view),
    testRewards: stageEvaluations(view).flatMap(({ rewards }) => (rewards === undefined ? [] : [rewards])),
  };
}

/** Stages after which the team was worse than before. */
export interface StageFalls {
  readonly stages: number;
  /** The mean over the same prompts fell. */
  readonly fell: number;
  /** The paired 95% interval of the change lies below 0: about 1 in 40 does by chance. */
  readonly provedly: number;
}

/**
 * How often the reward on test prompts fell from one measurement to the next.
 *
 * @param testRewards - rewards per measurement [stages + 1][P], the same prompts and streams throughout
 * @throws DomainError if the measurements differ in their number of prompts
 */
export function stageFalls(testRewards: readonly (readonly number[])[]): StageFalls {
  const changes = testRewards.slice(1).map((after, k) => pairedChange(after, testRewards[k]));
  return {
    stages: changes.length,
    fell: changes.filter((change) => change.mean < 0).length,
    provedly: changes.filter(({ high }) => high < 0).length,
  };
}

/**
 * mean(a - b) over prompts with its paired 95% interval (Student's t).
 *
 * @param a - rewards or shares per prompt [P]
 * @param b - of the other team on the same prompts [P]
 * @throws DomainError if the numbers of prompts differ, or are fewer than 2
 */
export function pairedChange(a: ArrayLike<number>, b: ArrayLike<number>): DifferenceRecord {
  if (a.length !== b.length)
    throw new DomainError(`pairedChange: expected ${b.length} prompts on both sides, got ${a.length}`);
  return pairedDifferenceInterval(Float64Array.from(a, (x, p) => x - b[p]));
}

/** Several runs that differ in their seed alone. */
export interface GroupFigures {
  readonly runs: number;
  /** Mean over runs, and its 95% interval over runs (Student's t); absent for a single run. */
  readonly final: { readonly mean: number; readonly low?: number; readonly high?: number };
  readonly falls: StageFalls;
  /** Mean per run. */
  readonly tokens: number;
}

/**
 * What a group of runs comes to: the last stage evaluation, falls over all stages of all runs.
 *
 * @param runs - at least one, each with stage evaluations
 * @throws DomainError if a run has none
 */
export function groupFigures(runs: readonly RunFigures[]): GroupFigures {
  const finals = runs.map(({ testRewards }) => finalReward(testRewards));
  const falls = runs.map(({ testRewards }) => stageFalls(testRewards));
  const total = (of: (one: StageFalls) => number) => falls.reduce((sum, one) => sum + of(one), 0);
  const interval = finals.length > 1 ? pairedDifferenceInterval(finals) : undefined;
  return {
    runs: runs.length,
    final: interval ? { mean: interval.mean, low: interval.low, high: interval.high } : { mean: finals[0] },
    falls: {
      stages: total(({ stages }) => stages),
      fell: total(({ fell }) => fell),
      provedly: total(({ provedly }) => provedly),
    },
    tokens: mean(runs.map(({ tokens }) => tokens)),
  };
}

/** Mean reward of the last measurement. @throws DomainError if there is none */
export function finalReward(testRewards: readonly (readonly number[])[]): number {
  const last = testRewards.at(-1);
  if (last === undefined)
    throw new DomainError('finalReward: expected stage evaluations, got none; set eval.stage_prompts');
  return mean(last);
}
