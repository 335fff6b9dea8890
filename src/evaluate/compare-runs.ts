/**
 * Compares runs by their records: curves over stages, the number of stages that lowered the team's reward,
 * and paired differences on the same test prompts.
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

/** Results of one run. */
export interface RunFigures {
  readonly stages: number;
  /** Mean reward of each stage's training episodes, which are sampled before the stage's updates [stages]. */
  readonly rewards: readonly number[];
  /**
   * Exact KL per token, averaged over the accepted updates of each stage, nats [stages]; NaN if none was
   * accepted.
   */
  readonly kl: readonly number[];
  readonly updates: number;
  readonly accepted: number;
  /** Number of tokens sampled for training. */
  readonly tokens: number;
  /**
   * Rewards per test prompt of the base team and of the team after each stage [stages + 1][P]; empty if the
   * run recorded none.
   */
  readonly testRewards: readonly (readonly number[])[];
}

/**
 * Extracts the results of a run from its view.
 *
 * @param view - view of one run that includes the rewards of its stage evaluations (option `keepRewards`)
 */
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

/** Numbers of stages that lowered the team's mean reward. */
export interface StageFalls {
  /** Number of compared stages. */
  readonly stages: number;
  /** Number of stages with a lower mean reward than before, on the same prompts. */
  readonly fell: number;
  /**
   * Number of stages whose paired 95% interval of the change lies below 0. Without any real change, about 1
   * in 40 intervals lies below 0 by chance.
   */
  readonly provedly: number;
}

/**
 * Counts the stages that lowered the mean reward on test prompts.
 *
 * @param testRewards - rewards per stage evaluation [stages + 1][P], on the same prompts and random streams
 * @throws DomainError if the evaluations differ in their number of prompts
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
 * Computes the mean of a - b over prompts and its paired 95% interval (Student's t).
 *
 * @param a - rewards or shares per prompt [P]
 * @param b - rewards or shares of the other team on the same prompts [P]
 * @throws DomainError if the numbers of prompts differ, or are below 2
 */
export function pairedChange(a: ArrayLike<number>, b: ArrayLike<number>): DifferenceRecord {
  if (a.length !== b.length)
    throw new DomainError(`pairedChange: expected ${b.length} prompts on both sides, got ${a.length}`);
  return pairedDifferenceInterval(Float64Array.from(a, (x, p) => x - b[p]));
}

/** Results of a group of runs that differ only in their seed. */
export interface GroupFigures {
  readonly runs: number;
  /**
   * Mean reward after the last stage, with its 95% interval over runs (Student's t). A single run has no
   * interval.
   */
  readonly final: { readonly mean: number; readonly low?: number; readonly high?: number };
  readonly falls: StageFalls;
  /** Mean number of tokens sampled for training per run. */
  readonly tokens: number;
}

/**
 * Computes the results of a group: the final reward from the last stage evaluations, and the stages that
 * lowered the reward, counted over all runs.
 *
 * @param runs - at least one, each with stage evaluations
 * @throws DomainError if a run has no stage evaluation
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

/**
 * Returns the mean reward of the last stage evaluation (evaluation on the test split after a stage).
 *
 * @throws DomainError if the run has no stage evaluation
 */
export function finalReward(testRewards: readonly (readonly number[])[]): number {
  const last = testRewards.at(-1);
  if (last === undefined)
    throw new DomainError('finalReward: expected stage evaluations, got none; set eval.stage_prompts');
  return mean(last);
}
