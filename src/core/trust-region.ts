/**
 * The decisions of OPTIMIZE (E37) as a pure state machine. After each attempt at an agent's update it returns accept,
 * retry with a smaller step, or reject. The caller takes the snapshot, trains, measures and restores; this file never
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

/** Settings of radius and backtracking (E36–E38). */
export interface TrustRegionRules {
  /** δ_i: radius on the quantile of the exact per-state KL(new‖old), nats. */
  readonly targetKl: number;
  /** Cap on the mean per-message KL, nats; absent: off, as in the paper. */
  readonly targetKlMessage?: number;
  /** M: attempts after the first. */
  readonly maxBacktracks: number;
  /** Whether the learning-rate scale adapts to the used share of the radius. Default false, as in the paper. */
  readonly adaptToRadius?: boolean;
  /**
   * `enforce` (default): an update outside the radius is undone. `record`: radii are measured but have no effect, and
   * beta and the scale stay constant; an update with numbers that are not finite is undone in both modes.
   */
  readonly gate?: 'enforce' | 'record';
  /** Factor on the step per retry, 0 < factor <= 1. Default 1/2; at 1 only beta grows, as in the paper. */
  readonly stepShrink?: number;
}

/** Factor on beta per decision, and bounds of beta (E38). */
const BETA_FACTOR = 1.5;
const BETA_MIN = 1e-6;
const BETA_MAX = 1e3;
/** Default of `stepShrink`: a larger beta alone has no effect on the first step, where the KL's gradient is 0 (E37). */
const STEP_SHRINK = 0.5;
const SCALE_FACTOR = 1.5;
const SCALE_MIN = 1e-4;
const SCALE_MAX = 1e4;

/** Measurement after the steps of one attempt. KL in nats. */
export interface AttemptMeasurement {
  /** Quantile of KL(new‖old) over own token states, or its upper bound under a slack. */
  readonly klQuantile: number;
  readonly klMean: number;
  readonly klMax: number;
  /** Mean over trajectories of κ_g, the KL summed over a message. */
  readonly klMessageMean: number;
  readonly tvMean: number;
  /** Further numbers that must be finite: losses, gradient norms. */
  readonly mustBeFinite?: readonly number[];
}

/** Why an attempt did not pass: a radius on states, the cap on messages, or a number that is not finite. */
export type ViolationReason = 'kl_quantile' | 'kl_message' | 'not_finite';

/** State of OPTIMIZE before an attempt. */
export interface TrustRegionState {
  readonly rules: TrustRegionRules;
  /** 0 for the first attempt. */
  readonly attempt: number;
  /** Weight of the KL penalty in this attempt. */
  readonly beta: number;
  /** Factor on the learning rate in this attempt. */
  readonly lrScale: number;
  /** Learning-rate scale at the start of the update. */
  readonly lrScaleStart: number;
}

/** Decision on one attempt. `betaNext` and `lrScaleNext` are the values for the agent's next update. */
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
 * The state before the first attempt of an agent's update.
 *
 * @param rules - radius and number of backtracks
 * @param beta - β_i, which persists per agent across stages; 0.001 at the start of a run; 0 turns the KL penalty off
 *   for the whole run, because E38 only multiplies
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
  if (!(stepShrink > 0 && stepShrink <= 1))
    throw new DomainError(`${where}: expected stepShrink in (0, 1], got ${stepShrink}`);
  return { rules, attempt: 0, beta, lrScale, lrScaleStart: lrScale };
}

/**
 * Decision of the trust-region gate ("gate 1") on one attempt   (E36, E37, E38).
 *
 * Passed: β is unchanged, or divided by 1.5 (at least 1e-6) if the first attempt used less than half of the radius.
 * Violated: β is multiplied by 1.5 (at most 1e3) and the step is multiplied by `stepShrink`. After the last attempt the
 * update is rejected, and the caller must restore: a violating update is never kept. A β of 0 stays 0.
 *
 * Differs from the paper: a retry shrinks the step, because a larger β alone leaves the first step unchanged. With
 * `adaptToRadius` the learning-rate scale persists: ×1.5 if the first attempt used less than half of every radius, the
 * shrunken scale after a backtrack.
 *
 * @param state - state before the attempt
 * @param measurement - measured after the attempt's steps; NaN or ±Infinity in any number is a violation
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
  const shrunken = lrScale * (rules.stepShrink ?? STEP_SHRINK);
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

/** Exact divergences at the monitor set, the input of {@link measureAttempt}. */
export interface MonitorReadings {
  /** KL(new‖old) of every own token state of the batch, nats. */
  readonly kl: ArrayLike<number>;
  /** TV at the same states. */
  readonly tv: ArrayLike<number>;
  /** κ_g of every trajectory in which the agent has tokens, nats. */
  readonly messageKl: ArrayLike<number>;
}

/** Quantile and slack of the monitor. */
export interface MonitorOptions {
  /** 1 − α, e.g. 0.99. */
  readonly quantile: number;
  readonly slack: 'none' | 'dkw' | 'binom';
  /** η of E33/E34. Unused with slack `none`. */
  readonly slackConfidence: number;
}

/**
 * Statistics of the exact divergences that the trust-region gate compares with its radii   (E32–E36).
 *
 * Without slack, `klQuantile` is the quantile over token states (as in the paper). With `dkw` or `binom` it is the upper
 * confidence bound of the quantile of the message sums κ_g, because the tokens of one trajectory are not independent;
 * the radius then bounds the KL of a *message*.
 *
 * @returns measurement for {@link decideAttempt}; `klQuantile` is NaN if a reading is not finite
 * @throws DomainError if there are no readings, or too few trajectories for the slack
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
