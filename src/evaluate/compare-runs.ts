/**
 * Compares runs from their records: curves over stages, the number of stages after which the team was worse
 * than before, and paired differences on the same test prompts.
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
  /** Mean reward of each stage's training episodes, sampled before its updates [stages]. */
  readonly rewards: readonly number[];
  /** Exact KL per token, nats, mean over the accepted updates of each stage; NaN if none was accepted [stages]. */
  readonly kl: readonly number[];
  readonly updates: number;
  readonly accepted: number;
  /** Tokens sampled for training. */
  readonly tokens: number;
  /** Rewards of the base team and after each stage [stages + 1][P]; empty if the run recorded none. */
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

/** Number of stages after which the team was worse than before. */
export interface StageFalls {
  /** Number of compared stages. */
  readonly stages: number;
  /** Stages with a lower mean reward on the same prompts. */
  readonly fell: number;
  /** Stages whose paired 95% interval of the change lies below 0; about 1 in 40 does by chance. */
  readonly provedly: number;
}

/**
 * Counts the stages after which the reward on test prompts fell.
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
 * mean(a - b) over prompts with its paired 95% interval (Student's t).
 *
 * @param a - rewards or shares per prompt [P]
 * @param b - rewards or shares of the other team on the same prompts [P]
 * @throws DomainError if the numbers of prompts differ, or are fewer than 2
 */
export function pairedChange(a: ArrayLike<number>, b: ArrayLike<number>): DifferenceRecord {
  if (a.length !== b.length)
    throw new DomainError(`pairedChange: expected ${b.length} prompts on both sides, got ${a.length}`);
  return pairedDifferenceInterval(Float64Array.from(a, (x, p) => x - b[p]));
}

/** Results of a group of runs that differ only in their seed. */
export interface GroupFigures {
  readonly runs: number;
  /** Mean final reward and its 95% interval over runs (Student's t), which a single run does not have. */
  readonly final: { readonly mean: number; readonly low?: number; readonly high?: number };
  readonly falls: StageFalls;
  /** Mean number of tokens per run. */
  readonly tokens: number;
}

/**
 * Results of a group: final rewards from the last stage evaluations, and falls over all stages of all runs.
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

/** Mean reward of the last stage evaluation. @throws DomainError if there is none */
export function finalReward(testRewards: readonly (readonly number[])[]): number {
  const last = testRewards.at(-1);
  if (last === undefined)
    throw new DomainError('finalReward: expected stage evaluations, got none; set eval.stage_prompts');
  return mean(last);
}
