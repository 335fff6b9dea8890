/**
 * Lower bounds on the gain of a stage: the paper's bound, reported as information only because it is never positive
 * at γ >= 1/2, and the bound from trajectories on the validation split that certificates report.
 * @see SAT (arXiv 2605.05216) Theorem 1 and Sec. 5 "Certificate"
 * @module
 */
import { effectiveSampleSize, empiricalBernsteinLower, truncatedGain, truncationBias } from './acceptance.ts';
import { checkLength, checkOpenUnit } from './check.ts';
import { coupledHorizonPenalty, horizonPenalty, paperOccupancyPenalty } from './penalty.ts';
import { mean } from './stats.ts';

/** Terms of E50, one entry per agent's update; reward units except for `delta` (nats) and counts. */
export interface PaperBoundInput {
  /** Lower bound on L_i: κ_i sqrt(δ_i) − a_i δ_i (E65) or a measured surrogate [A]. */
  readonly gain: ArrayLike<number>;
  /** δ_i, nats [A]. */
  readonly delta: ArrayLike<number>;
  /** ζ_i, error of the advantage estimate [A]. */
  readonly zeta: ArrayLike<number>;
  /** N_i, trajectories [A]. */
  readonly trajectories: ArrayLike<number>;
  readonly gamma: number;
  readonly aMax: number;
  /** δ_c: probability with which the finite-sample term may fail. */
  readonly confidence: number;
}

/** The four terms of E50 and their sum, reward units. */
export interface PaperBound {
  readonly gain: number;
  readonly occupancy: number;
  readonly bias: number;
  readonly finiteSample: number;
  /** gain − occupancy − bias − finiteSample. */
  readonly lower: number;
}

/**
 * Σ_i gain_i − (2γ/(1−γ)²) A_max Σ sqrt(δ_i/2) − Σ ζ_i/(1−γ) − Σ (A_max/(1−γ)) sqrt(log(2n/δ_c)/(2N_i))   (E50).
 *
 * Exactly as printed in the paper. It cannot be positive for γ >= 1/2, whatever the data (E51). Its finite-sample
 * radius is half of Hoeffding's for values in ±A_max, and it is applied to a policy chosen on the same sample. Report
 * it as "paper bound (informational)"; no decision may depend on it.
 *
 * @throws DomainError if lengths differ, gamma is outside [0, 1) or confidence outside (0, 1)
 */
export function paperBound(input: PaperBoundInput): PaperBound {
  const where = 'paperBound';
  const { gamma, aMax, confidence } = input;
  const n = input.gain.length;
  checkLength(where, 'radii', n, input.delta.length);
  checkLength(where, 'zetas', n, input.zeta.length);
  checkLength(where, 'trajectory counts', n, input.trajectories.length);
  checkOpenUnit(where, 'confidence', confidence);
  let gain = 0;
  let occupancy = 0;
  let bias = 0;
  let finiteSample = 0;
  for (let i = 0; i < n; i++) {
    gain += input.gain[i];
    occupancy += paperOccupancyPenalty({ gamma, aMax, klMax: input.delta[i] });
    bias += input.zeta[i] / (1 - gamma);
    const radius = Math.sqrt(Math.log((2 * n) / confidence) / (2 * input.trajectories[i]));
    finiteSample += (aMax / (1 - gamma)) * radius;
  }
  return { gain, occupancy, bias, finiteSample, lower: gain - occupancy - bias - finiteSample };
}

/**
 * Largest value that E50 can have for one step: (sqrt(2 KL) A_max/(1−γ)) (1−2γ)/(1−γ)   (E51). It is not positive
 * for γ >= 1/2.
 *
 * @param klMax - largest per-state KL of the step, nats
 */
export function paperBoundCeiling({
  gamma,
  aMax,
  klMax,
}: {
  readonly gamma: number;
  readonly aMax: number;
  readonly klMax: number;
}): number {
  return (Math.sqrt(2 * klMax) * aMax) / (1 - gamma) - paperOccupancyPenalty({ gamma, aMax, klMax });
}

/** Trajectories on the validation split for one agent's accepted update, and the size of the update. */
export interface StepEvidence {
  /** Ratio of each trajectory: product over the agents already updated in this stage and this one [N]. */
  readonly weights_N: ArrayLike<number>;
  /** Raw returns of the same trajectories, never normalised advantages [N], reward units. */
  readonly returns_N: ArrayLike<number>;
  /** Largest and mean observed TV at each of the agent's own turns, in execution order [m]. */
  readonly ownTurnTv: { readonly max: ArrayLike<number>; readonly mean: ArrayLike<number> };
}

/** Options of {@link certifyStep}. */
export interface StepCertificateOptions {
  /** Range of the return, reward units. */
  readonly lo: number;
  readonly hi: number;
  /** Truncation C of E62; default 2. */
  readonly cap?: number;
  /** Failure probability of `gainLower`: δ_c/n per step. */
  readonly delta: number;
}

/** The quantities of E66 that come from trajectories on the validation split; reward units unless stated otherwise. */
export interface StepCertificate {
  /** Mean of E62: conservative estimate of the gain. */
  readonly gainMean: number;
  /** Lower bound E63 of the mean of E62, valid with probability 1 − δ. */
  readonly gainLower: number;
  /** ζ of E61 and its upper bound, with F = hi − lo. */
  readonly zeta: number;
  readonly zetaUpper: number;
  /** Largest number of own turns in a trajectory. */
  readonly ownTurns: number;
  /** E58 and E59 with the span of the raw reward and the *observed* TV. A diagnostic: the true maximum is unknown. */
  readonly horizonPenalty: number;
  readonly coupledHorizonPenalty: number;
  /** (Σw)²/Σw², number of trajectories. */
  readonly effectiveSampleSize: number;
}

/**
 * Certificate of one agent's update from trajectories on the validation split   (E66: E58, E59, E61, E62, E63, ESS).
 *
 * @throws DomainError if there are fewer than two trajectories, shapes differ, or a return is out of range
 */
export function certifyStep(
  { weights_N, returns_N, ownTurnTv }: StepEvidence,
  { lo, hi, cap = 2, delta }: StepCertificateOptions,
): StepCertificate {
  const gain = truncatedGain(weights_N, returns_N, { lo, hi, cap });
  const zeta = truncationBias(weights_N, { bound: hi - lo, delta, cap });
  const turns = { span: hi - lo, tvMax: ownTurnTv.max, tvMean: ownTurnTv.mean };
  return {
    gainMean: mean(gain.gain_N),
    gainLower: empiricalBernsteinLower(gain.gain_N, { lo: gain.lo, hi: gain.hi, delta }),
    zeta: zeta.plugIn,
    zetaUpper: zeta.upper,
    ownTurns: ownTurnTv.max.length,
    horizonPenalty: horizonPenalty(turns),
    coupledHorizonPenalty: coupledHorizonPenalty(turns),
    effectiveSampleSize: effectiveSampleSize(weights_N),
  };
}

/**
 * Sum of the steps' lower bounds at level δ_c/n each: a lower bound on the stage's gain with probability 1 − δ_c. For
 * fresh rollouts only; with reused rollouts compute E62 once with the ratio of the whole stage instead   (E66).
 *
 * @param lower_A - `gainLower` of every accepted step [A], reward units
 */
export function stageLowerBound(lower_A: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < lower_A.length; i++) sum += lower_A[i];
  return sum;
}
