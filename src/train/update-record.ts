/**
 * Record of one agent's update; `docs/metrics.md` has the formula of every value.
 * @module
 */
import { mean, populationDeviation, sampleVariance } from '../core/stats.ts';
import { isCutOff } from '../team/cut-off.ts';
import type { Batch, SequenceWeights } from './batch.ts';
import type { CertificateRecord, UpdateRecord, UpdateStatus } from './events.ts';
import type { OptimizeOutcome } from './optimize.ts';
import type { TrainOptions } from './options.ts';

/** Standard deviation of rewards, reward units, below which a group counts as having no learning signal. */
const ZERO_STD = 1e-12;

export interface UpdateFacts {
  readonly stage: number;
  readonly agent: number;
  readonly status: UpdateStatus;
  readonly outcome: OptimizeOutcome;
  /** Options of the update, with the trust-region radius (KL limit) that the update used. */
  readonly options: TrainOptions;
  readonly weights: SequenceWeights;
  readonly certificate: CertificateRecord | undefined;
}

export function updateRecord(batch: Batch, facts: UpdateFacts): UpdateRecord {
  const { stage, agent, status, outcome, options, weights, certificate } = facts;
  const { probes, attempts, next } = outcome;
  const accepted = attempts.find((attempt) => attempt.accepted);
  const mismatch = batch.mismatch.get(agent) ?? { max: 0, mean: 0 };
  const logp = (batch.logpOld.get(agent) ?? []).flatMap((row) => [...row]);
  return {
    stage,
    agent,
    status,
    ...(probes.length > 0 && { probes }),
    attempts,
    betaNext: next.beta,
    lrScaleNext: next.lrScale,
    targetKl: options.trustRegion.targetKl,
    ...rewardStatistics(batch),
    ...(outcome.status !== 'SKIP' && outcome.training),
    ...(accepted && { kl: accepted.klMean }),
    ...(logp.length > 0 && { entropy: -mean(logp) }),
    ...lengthStatistics(batch, agent),
    logpMismatchMax: mismatch.max,
    logpMismatchMean: mismatch.mean,
    ...(options.rolloutMode === 'reuse' && {
      meanLogRatioWeight: weights.meanLogWeight,
      essShare: weights.essShare,
    }),
    ...(certificate && { certificate }),
  };
}

function rewardStatistics({
  trajectories,
}: Batch): Pick<UpdateRecord, 'reward' | 'rewardSe' | 'rewardStd' | 'fracRewardZeroStd'> {
  const groups = new Map<number, number[]>();
  for (const { group, reward } of trajectories) groups.set(group, [...(groups.get(group) ?? []), reward]);
  const deviations = [...groups.values()].map((rewards) => populationDeviation(rewards));
  const means = [...groups.values()].map((rewards) => mean(rewards));
  return {
    reward: mean(trajectories.map(({ reward }) => reward)),
    ...(means.length > 1 && { rewardSe: Math.sqrt(sampleVariance(means) / means.length) }),
    rewardStd: mean(deviations),
    fracRewardZeroStd: mean(deviations.map((deviation) => Number(deviation < ZERO_STD))),
  };
}

type LengthStatistics =
  | 'meanLength'
  | 'clippedRatio'
  | 'rewardedMessages'
  | 'rewardedClippedRatio'
  | 'trajectories'
  | 'tokens';

function lengthStatistics({ own, trajectories }: Batch, agent: number): Pick<UpdateRecord, LengthStatistics> {
  const { messages, trajectoryOf } = own[agent];
  const lengths = messages.map(({ tokens }) => tokens.length);
  const cut = messages.map((message) => Number(isCutOff(message)));
  const rewarded = cut.filter((_, m) => trajectories[trajectoryOf[m]].verdict.correct);
  return {
    meanLength: lengths.length === 0 ? 0 : mean(lengths),
    clippedRatio: cut.length === 0 ? 0 : mean(cut),
    rewardedMessages: rewarded.length,
    ...(rewarded.length > 0 && { rewardedClippedRatio: mean(rewarded) }),
    trajectories: new Set(trajectoryOf).size,
    tokens: lengths.reduce((sum, length) => sum + length, 0),
  };
}
