/**
 * Lower bounds on a stage's gain: the paper's, printed for information (it is never positive at
 * γ >= 1/2), and what is reported instead, from held-out trajectories.
 * @see SAT (arXiv 2605.05216) Theorem 1 and Sec. 5 "Certificate"
 * @module
 */
import { effectiveSampleSize, empiricalBernsteinLower, truncatedGain, truncationBias } from './acceptance.ts';
import { checkLength, checkOpenUnit } from './check.ts';
import { coupledHorizonPenalty, horizonPenalty, paperOccupancyPenalty } from './penalty.ts';
import { mean } from './stats.ts';

/** Terms of E50, one entry per agent step; all in reward units except `delta` (nats) and counts. */
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
 * Exactly as printed. It cannot be positive for γ >= 1/2 whatever the data (E51), its finite-sample radius
 * is half of what Hoeffding gives for values in ±A_max, and it is applied to a policy chosen on the same
 * sample. Print it as "paper bound (informational)" and decide nothing by it.
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
 * The largest step bound E50 can reach: (sqrt(2 KL) A_max/(1−γ)) (1−2γ)/(1−γ)   (E51). Not positive for γ >= 1/2.
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

/** Held-out evidence on one agent's accepted step, and its sizes. */
export interface StepEvidence {
  /** Full ratio of each held-out trajectory, Π over done agents and this one [N]. */
  readonly weights_N: ArrayLike<number>;
  /** Raw returns of the same trajectories, never normalised advantages [N], reward units. */
  readonly returns_N: ArrayLike<number>;
  /** Largest and mean TV seen at each own turn, in playing order [m]. */
  readonly ownTurnTv: { readonly max: ArrayLike<number>; readonly mean: ArrayLike<number> };
}

export interface StepCertificateOptions {
  /** Range of the return, reward units. */
  readonly lo: number;
  readonly hi: number;
  /** Truncation C of E62; default 2. */
  readonly cap?: number;
  /** Probability with which `gainLower` may fail: δ_c/n per step. */
  readonly delta: number;
}

/** The figures of E66 that come from held-out trajectories; reward units unless said otherwise. */
export interface StepCertificate {
  /** Mean of E62: conservative estimate of the gain. */
  readonly gainMean: number;
  /** E63 of E62: holds with probability 1 − δ. */
  readonly gainLower: number;
  /** E61's ζ and its upper bound, with F = hi − lo. */
  readonly zeta: number;
  readonly zetaUpper: number;
  /** Largest number of own turns. */
  readonly ownTurns: number;
  /** E58 and E59 with the raw-reward span and the TV *seen*: a diagnostic, the true maximum is unknown. */
  readonly horizonPenalty: number;
  readonly coupledHorizonPenalty: number;
  /** (Σw)²/Σw², trajectories. */
  readonly effectiveSampleSize: number;
}

/**
 * What the held-out trajectories say about one step   (E66: E58, E59, E61, E62, E63, ESS).
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
 * Σ_i of the steps' lower bounds at level δ_c/n each: the stage's gain with probability 1 − δ_c (fresh
 * rollouts only; with reused ones take E62 with the *full* stage ratio once and add nothing)   (E66).
 *
 * @param lower_A - `gainLower` of every accepted step
 */
export function stageLowerBound(lower_A: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < lower_A.length; i++) sum += lower_A[i];
  return sum;
}
