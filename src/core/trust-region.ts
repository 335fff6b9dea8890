/**
 * Decisions during an agent's update (procedure OPTIMIZE, E37), as a state machine without side effects. An
 * attempt consists of some optimizer steps. After each attempt the decision is to accept, to retry with a
 * smaller step, or to reject. The caller saves, trains, measures and restores the weights; this file never
 * changes weights.
 * @see SAT (arXiv 2605.05216) Sec. 4 "KL control and backtracking"
 * @module
 */
import { checkInteger, checkOpenUnit, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';
import {
  dkwMinimumSize,
  dkwUpperBound,
  inverseCdfQuantile,
  orderStatisticMinimumSize,
  orderStatisticUpperBound,
} from './quantile.ts';
import { retryFactor, SCALE_MAX, SCALE_MIN } from './step-scale.ts';

/** Settings of the trust region and of backtracking (E36–E38). */
export interface TrustRegionRules {
  /**
   * δ_i: upper bound on a quantile of the exact KL(new‖old) over the token positions of the agent's messages,
   * nats.
   */
  readonly targetKl: number;
  /** Upper bound on the mean KL per message, nats. Absent: no bound, as in the paper. */
  readonly targetKlMessage?: number;
  /** M: number of retries after the first attempt. */
  readonly maxBacktracks: number;
  /**
   * Whether the learning-rate scale (a factor on the learning rate, kept from update to update) grows if an
   * update uses less than half of the KL bounds and shrinks after retries. Default false, as in the paper.
   */
  readonly adaptToRadius?: boolean;
  /**
   * `enforce` (default): an update whose KL exceeds a bound is undone. `record`: divergences are measured but
   * have no effect, and the KL penalty's coefficient beta and the learning-rate scale stay constant. In both
   * modes, an update with numbers that are not finite is undone.
   */
  readonly gate?: 'enforce' | 'record';
  /**
   * Factor on the learning rate for each retry, 0 < factor <= 1. Default 1/2. At 1, a retry increases only
   * beta, the coefficient of the KL penalty, as in the paper. `auto`: a factor of at most 1/2 that is computed
   * from the measured KL, so that the retry uses about 0.7 of its bound (`retryFactor`).
   */
  readonly stepShrink?: number | 'auto';
}

/**
 * Beta is the coefficient of the KL penalty. A failed attempt multiplies beta by this factor; a first attempt
 * that is accepted with less than half of the permitted KL divides beta by it. Beta stays within the two
 * bounds (E38).
 */
const BETA_FACTOR = 1.5;
const BETA_MIN = 1e-6;
const BETA_MAX = 1e3;
/**
 * Default of `stepShrink`. The default is below 1 because a larger beta (coefficient of the KL penalty) alone
 * has no effect on the first step, where the gradient of the KL is 0 (E37).
 */
const STEP_SHRINK = 0.5;
const SCALE_FACTOR = 1.5;

/** Divergences measured after the steps of one attempt; KLs in nats. */
export interface AttemptMeasurement {
  /**
   * Quantile of KL(new‖old) over the token positions of the agent's messages. With the option `slack`, an
   * upper confidence bound of the quantile of the KL summed over a trajectory.
   */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMax: number;
  /** Mean over trajectories of the KL summed over the agent's tokens of a trajectory (κ_g). */
  readonly klMessageMean: number;
  readonly tvMean: number;
  /** Further numbers that must be finite, e.g. losses and gradient norms. */
  readonly mustBeFinite?: readonly number[];
}

/**
 * Why an attempt failed: the KL quantile exceeds its bound, the KL per message exceeds its bound, or a number
 * is not finite.
 */
export type ViolationReason = 'kl_quantile' | 'kl_message' | 'not_finite';

/** State of an agent's update before an attempt. */
export interface TrustRegionState {
  readonly rules: TrustRegionRules;
  /** Number of the attempt; 0 for the first. */
  readonly attempt: number;
  /** Coefficient of the KL penalty in this attempt. */
  readonly beta: number;
  /** Factor on the learning rate in this attempt. */
  readonly lrScale: number;
  /** Learning-rate scale at the start of the update. */
  readonly lrScaleStart: number;
}

/**
 * Decision on one attempt. `betaNext` and `lrScaleNext` are the initial values of the agent's next update.
 */
export type AttemptDecision =
  | { readonly kind: 'accepted'; readonly betaNext: number; readonly lrScaleNext: number }
  | { readonly kind: 'retry'; readonly reason: ViolationReason; readonly next: TrustRegionState }
  | {
      readonly kind: 'rejected';
      readonly reason: ViolationReason;
      readonly betaNext: number;
      readonly lrScaleNext: number;
    };

/**
 * Returns the state before the first attempt of an agent's update.
 *
 * @param rules - settings of the trust region and of backtracking
 * @param beta - β_i: weight of the agent's KL penalty, kept from stage to stage; 0.001 at the start of a run;
 *   0 turns the penalty off for the whole run, because updates only multiply or divide β
 * @param lrScale - the agent's learning-rate scale, 1 at the start of a run
 * @throws DomainError if a radius or the scale is not > 0, beta is outside [0, 1e3], stepShrink outside
 *   (0, 1], or maxBacktracks is not an integer >= 0
 */
export function startTrustRegion(rules: TrustRegionRules, beta: number, lrScale = 1): TrustRegionState {
  const where = 'startTrustRegion';
  checkPositive(where, 'targetKl', rules.targetKl);
  if (rules.targetKlMessage !== undefined) checkPositive(where, 'targetKlMessage', rules.targetKlMessage);
  checkInteger(where, 'maxBacktracks', rules.maxBacktracks, 0);
  if (!(beta >= 0 && beta <= BETA_MAX))
    throw new DomainError(`${where}: expected beta in [0, ${BETA_MAX}], got ${beta}`);
  checkPositive(where, 'lrScale', lrScale);
  const { stepShrink = STEP_SHRINK } = rules;
  if (stepShrink !== 'auto' && !(stepShrink > 0 && stepShrink <= 1))
    throw new DomainError(`${where}: expected stepShrink in (0, 1], got ${stepShrink}`);
  return { rules, attempt: 0, beta, lrScale, lrScaleStart: lrScale };
}

/**
 * Decides on one attempt: the KL check of the trust region (called "gate 1" in the documentation)   (E36,
 * E37, E38).
 *
 * If the attempt's KL is within its bounds, β (the coefficient of the KL penalty) is unchanged, or divided by
 * 1.5 (to at least 1e-6) if the first attempt used less than half of the permitted KL quantile. Otherwise β
 * is multiplied by 1.5 (to at most 1e3) and the learning rate by `stepShrink` or, with `auto`, by a factor that
 * aims at the radius. After the last attempt the update is rejected, and the caller must restore the snapshot:
 * an update outside its bounds is never kept. A β of 0 stays 0.
 *
 * Differs from the paper: a retry reduces the learning rate, because a larger β alone leaves the first step
 * unchanged. With `adaptToRadius`, the learning-rate scale is kept for the next update: multiplied by 1.5 if
 * the first attempt used less than half of every bound, and reduced if there was a retry.
 *
 * @param state - state before the attempt
 * @param measurement - divergences after the attempt's steps; the attempt fails if a number is NaN or
 *   ±Infinity
 */
export function decideAttempt(state: TrustRegionState, measurement: AttemptMeasurement): AttemptDecision {
  const { rules, attempt, beta, lrScale, lrScaleStart } = state;
  const isRecorded = rules.gate === 'record';
  const reason = violation(rules, measurement);
  const adapt = !isRecorded && (rules.adaptToRadius ?? false);
  if (isRecorded && reason === undefined)
    return { kind: 'accepted', betaNext: beta, lrScaleNext: lrScaleStart };
  if (reason === undefined) {
    const first = attempt === 0;
    const isUnderused = first && measurement.klQuantile < rules.targetKl / 2;
    const hasRoom = isUnderused && !(measurement.klMessageMean >= (rules.targetKlMessage ?? Infinity) / 2);
    return {
      kind: 'accepted',
      betaNext: isUnderused && beta > 0 ? Math.max(BETA_MIN, beta / BETA_FACTOR) : beta,
      lrScaleNext: !adapt ? lrScaleStart : hasRoom ? Math.min(SCALE_MAX, lrScale * SCALE_FACTOR) : lrScale,
    };
  }
  const betaNext = isRecorded ? beta : Math.min(BETA_MAX, BETA_FACTOR * beta);
  const { stepShrink = STEP_SHRINK } = rules;
  const shrunken = lrScale * (stepShrink === 'auto' ? retryFactor(rules, measurement) : stepShrink);
  if (attempt < rules.maxBacktracks)
    return {
      kind: 'retry',
      reason,
      next: { rules, attempt: attempt + 1, beta: betaNext, lrScale: shrunken, lrScaleStart },
    };
  return {
    kind: 'rejected',
    reason,
    betaNext,
    lrScaleNext: adapt ? Math.max(SCALE_MIN, shrunken) : lrScaleStart,
  };
}

function violation(rules: TrustRegionRules, m: AttemptMeasurement): ViolationReason | undefined {
  const numbers = [m.klQuantile, m.klMean, m.klMax, m.klMessageMean, m.tvMean, ...(m.mustBeFinite ?? [])];
  if (!numbers.every(Number.isFinite)) return 'not_finite';
  if (rules.gate === 'record') return undefined;
  if (!(m.klQuantile <= rules.targetKl)) return 'kl_quantile';
  if (!(m.klMessageMean <= (rules.targetKlMessage ?? Infinity))) return 'kl_message';
  return undefined;
}

/** Exact divergences at the token positions of the agent's messages, the input of {@link measureAttempt}. */
export interface MonitorReadings {
  /** KL(new‖old) at every token position of the agent's messages in the batch, nats. */
  readonly kl: ArrayLike<number>;
  /** Total variation between new and old policy at the same token positions, 0..1. */
  readonly tv: ArrayLike<number>;
  /** κ_g: KL summed over the tokens of each trajectory in which the agent has tokens, nats. */
  readonly messageKl: ArrayLike<number>;
}

/** Level of the KL quantile, and how its estimate is corrected for the size of the sample (slack). */
export interface MonitorOptions {
  /** Level 1 − α of the quantile, e.g. 0.99. */
  readonly quantile: number;
  readonly slack: 'none' | 'dkw' | 'binom';
  /** η: failure probability of the upper confidence bound (E33, E34). Not used if `slack` is `none`. */
  readonly slackConfidence: number;
}

/**
 * Computes the statistics of the exact divergences that {@link decideAttempt} compares with its bounds
 * (E32–E36).
 *
 * With slack `none`, `klQuantile` is the quantile over token positions (as in the paper). With `dkw` or
 * `binom` it is the upper confidence bound of the quantile of κ_g, the KL summed over a trajectory's tokens,
 * because the tokens of one trajectory are not independent; `targetKl` then bounds a quantile of this sum.
 *
 * @returns measurement for {@link decideAttempt}; `klQuantile` is NaN if a reading is not finite
 * @throws DomainError if there are no divergences, or too few trajectories for the confidence bound
 */
export function measureAttempt(readings: MonitorReadings, options: MonitorOptions): AttemptMeasurement {
  const where = 'measureAttempt';
  const { kl, tv, messageKl } = readings;
  checkInteger(where, 'number of token states', kl.length, 1);
  checkInteger(where, 'number of trajectories', messageKl.length, 1);
  checkOpenUnit(where, 'quantile', options.quantile);
  const finite = allFinite(kl) && allFinite(tv) && allFinite(messageKl);
  return {
    klQuantile: finite ? monitorQuantile(readings, options) : Number.NaN,
    klMean: meanOf(kl),
    klMax: Float64Array.from(kl).reduce((a, b) => Math.max(a, b), -Infinity),
    klMessageMean: meanOf(messageKl),
    tvMean: meanOf(tv),
  };
}

function monitorQuantile({ kl, messageKl }: MonitorReadings, options: MonitorOptions): number {
  if (options.slack === 'none') return inverseCdfQuantile(kl, options.quantile);
  const tail = { alpha: 1 - options.quantile, eta: options.slackConfidence };
  const [bound, needed] =
    options.slack === 'dkw'
      ? [dkwUpperBound(messageKl, tail), dkwMinimumSize(tail)]
      : [orderStatisticUpperBound(messageKl, tail)?.value, orderStatisticMinimumSize(tail)];
  if (bound === undefined)
    throw new DomainError(
      `measureAttempt: expected at least ${needed} trajectories for slack "${options.slack}" at quantile ${options.quantile}, got ${messageKl.length}; raise prompts_per_step or num_generations, or set slack none`,
    );
  return bound;
}

function allFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}

function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}
