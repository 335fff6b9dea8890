/**
 * Rows of `metrics.jsonl`. The keys are those of TRL, so that plots made for TRL work. `docs/metrics.md` lists every
 * key with its formula and unit.
 * @module
 */
import { mean } from '../core/stats.ts';
import type { CertificateRecord, RunEvent } from './events.ts';
import type { TrainOptions } from './options.ts';
import type { MetricsRow } from './store-port.ts';

/** Values that a row needs in addition to its event. */
export interface MetricsContext {
  readonly options: TrainOptions;
  /** Number of tokens sampled for training since the start of the run. */
  readonly tokens: number;
}

type UpdateEvent = Extract<RunEvent, { kind: 'update' }>;
type GateEvent = Extract<RunEvent, { kind: 'gate' }>;

/**
 * Returns the row of an event; undefined for events other than updates, acceptance tests, finished stages and
 * stage evaluations.
 */
export function metricsOf(event: RunEvent, context: MetricsContext): MetricsRow | undefined {
  switch (event.kind) {
    case 'update':
      return updateRow(event, context);
    case 'gate':
      return gateRow(event);
    case 'stage_finished': {
      const { stage, reward, rewardSe, accepted, certificate } = event;
      const row = {
        ...{ stage, reward },
        ...prefixed('', { reward_se: rewardSe }),
        ...{ accepted, num_tokens: context.tokens },
      };
      return { ...row, ...prefixed('certificate/', certificateValues(certificate)) };
    }
    case 'stage_evaluation': {
      const { stage, rewards } = event;
      const accuracies = Object.fromEntries(
        (event.agents ?? []).map((share, id) => [`agent_${id}/test/accuracy`, share]),
      );
      return { stage, 'test/reward': mean(rewards), 'test/num_prompts': rewards.length, ...accuracies };
    }
    default:
      return undefined;
  }
}

function updateRow(event: UpdateEvent, { options, tokens }: MetricsContext): MetricsRow {
  const last = event.attempts.at(-1);
  return {
    stage: event.stage,
    agent: event.agent,
    num_tokens: tokens,
    ...prefixed(`agent_${event.agent}/`, {
      status: event.status,
      reward: event.reward,
      reward_se: event.rewardSe,
      reward_std: event.rewardStd,
      frac_reward_zero_std: event.fracRewardZeroStd,
      loss: event.loss,
      grad_norm: event.gradNorm,
      'clip_ratio/region_mean': event.clipRatio,
      kl: event.kl,
      'kl/quantile': last?.klQuantile,
      'kl/max': last?.klMax,
      'kl/message_mean': last?.klMessageMean,
      'tv/mean': last?.tvMean,
      entropy: event.entropy,
      target_kl: event.targetKl,
      beta: event.betaNext,
      learning_rate: options.optimizer.learningRate * (last?.lrScale ?? event.lrScaleNext),
      probes: event.probes?.length,
      attempts: event.attempts.length,
      backtracks: Math.max(0, event.attempts.length - 1),
      num_trajectories: event.trajectories,
      num_own_tokens: event.tokens,
      'completions/mean_length': event.meanLength,
      'completions/clipped_ratio': event.clippedRatio,
      'completions/rewarded_clipped_ratio': event.rewardedClippedRatio,
      'sampling/sampling_logp_difference/max': event.logpMismatchMax,
      'sampling/sampling_logp_difference/mean': event.logpMismatchMean,
      'sampling/log_ratio_mean': event.meanLogRatioWeight,
      'sampling/ess_share': event.essShare,
    }),
    ...prefixed(`agent_${event.agent}/certificate/`, certificateValues(event.certificate)),
  };
}

function certificateValues(
  certificate: CertificateRecord | undefined,
): Readonly<Record<string, number | undefined>> {
  if (certificate === undefined) return {};
  return {
    num_prompts: certificate.prompts,
    delta: certificate.delta,
    gain_mean: certificate.gainMean,
    gain_lower: certificate.gainLower,
    zeta: certificate.zeta,
    zeta_upper: certificate.zetaUpper,
    ess_share: certificate.essShare,
    own_turns: certificate.ownTurns,
    horizon_penalty: certificate.horizonPenalty,
    coupled_horizon_penalty: certificate.coupledHorizonPenalty,
    paper_bound: certificate.paperBound,
  };
}

function gateRow(event: GateEvent): MetricsRow {
  return {
    stage: event.stage,
    ...prefixed('gate/', {
      kind: event.gate,
      index: event.index,
      decision: event.decision,
      alpha: event.alpha,
      num_prompts: event.prompts,
      wealth: event.wealth,
      harm_wealth: event.harmWealth,
      mean_difference: event.meanDifference,
    }),
  };
}

type Value = number | string | boolean;

/**
 * Adds a prefix to the keys, drops undefined values, and replaces NaN and infinities by null, as
 * JSON.stringify does.
 */
function prefixed(
  prefix: string,
  values: Readonly<Record<string, Value | undefined>>,
): Record<string, Value | null> {
  const row: Record<string, Value | null> = {};
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    row[prefix + key] = typeof value === 'number' && !Number.isFinite(value) ? null : value;
  }
  return row;
}
