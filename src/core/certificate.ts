/**
 * Lower bounds on the gain of a stage, i.e. on the increase of the expected return by one update of every
 * agent. The paper's bound is reported for information only, because it is never positive at γ >= 1/2. The
 * certificate of a stage (the record of its bounds) contains a second bound, computed from trajectories on
 * the validation split.
 * @see SAT (arXiv 2605.05216) Theorem 1 and Sec. 5 "Certificate"
 * @module
 */
import { effectiveSampleSize, empiricalBernsteinLower, truncatedGain, truncationBias } from './acceptance.ts';
import { checkLength, checkOpenUnit } from './check.ts';
import { coupledHorizonPenalty, horizonPenalty, paperOccupancyPenalty } from './penalty.ts';
import { mean } from './stats.ts';

/** Terms of the paper's bound (E50). Arrays have one entry per agent's update. */
export interface PaperBoundInput {
  /**
   * Lower bound on the surrogate gain L_i (predicted gain on the state distribution before the update): κ_i
   * sqrt(δ_i) − a_i δ_i (E65), or a measured surrogate [A], reward units.
   */
  readonly gain: ArrayLike<number>;
  /** δ_i: largest per-state KL of the update [A], nats. */
  readonly delta: ArrayLike<number>;
  /** ζ_i: error of the advantage estimate [A], reward units. */
  readonly zeta: ArrayLike<number>;
  /** N_i: number of trajectories used for the update [A]. */
  readonly trajectories: ArrayLike<number>;
  readonly gamma: number;
  readonly aMax: number;
  /** δ_c: failure probability of the finite-sample term. */
  readonly confidence: number;
}

/** The four terms of the paper's bound (E50) and the bound itself, reward units. */
export interface PaperBound {
  readonly gain: number;
  readonly occupancy: number;
  readonly bias: number;
  readonly finiteSample: number;
  /** The bound: gain − occupancy − bias − finiteSample. */
  readonly lower: number;
}

/**
 * Computes the paper's lower bound on the gain of a stage of n updates: Σ_i gain_i − (2γ/(1−γ)²) A_max Σ
 * sqrt(δ_i/2) − Σ ζ_i/(1−γ) − Σ (A_max/(1−γ)) sqrt(log(2n/δ_c)/(2N_i)). The symbols are defined at {@link
 * PaperBoundInput}   (E50).
 *
 * The formula is exactly as printed in the paper. The bound is negative or 0 for γ >= 1/2 and all
 * data (E51). Its finite-sample term is half of Hoeffding's radius for values in [−A_max, A_max], and it
 * is applied to a policy that was chosen on the same sample. Report it as "paper bound (informational)"; no
 * decision may depend on it.
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
 * Returns the largest value that the paper's bound (E50) can have for one step: (sqrt(2 KL) A_max/(1−γ))
 * (1−2γ)/(1−γ), where A_max is the largest advantage   (E51). The value is not positive for γ >= 1/2.
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

/**
 * Trajectories on the validation split for one agent's accepted update, and the TV between its old and new
 * policy.
 */
export interface StepEvidence {
  /**
   * Likelihood ratio of each trajectory [N]: product over this agent and the agents already updated in this
   * stage.
   */
  readonly weights_N: ArrayLike<number>;
  /** Return of each of these trajectories (not its normalised advantage) [N], reward units. */
  readonly returns_N: ArrayLike<number>;
  /**
   * Largest and mean observed TV (total variation between old and new policy) at each of the agent's m turns,
   * in execution order [m].
   */
  readonly ownTurnTv: { readonly max: ArrayLike<number>; readonly mean: ArrayLike<number> };
}

/** Options of {@link certifyStep}. */
export interface StepCertificateOptions {
  /** Smallest and largest possible return, reward units. */
  readonly lo: number;
  readonly hi: number;
  /** C: upper bound at which the likelihood ratios are truncated (E62); default 2. */
  readonly cap?: number;
  /**
   * Failure probability of the bound `gainLower`. For a stage of n updates with failure probability δ_c, pass
   * δ_c/n for each update.
   */
  readonly delta: number;
}

/**
 * Quantities of the record of one agent's update (E66) that are computed from trajectories on the validation
 * split; reward units unless stated otherwise.
 */
export interface StepCertificate {
  /** Conservative estimate of the gain: the mean of the truncated gains (E62). */
  readonly gainMean: number;
  /**
   * Lower bound of the gain: the empirical Bernstein bound (E63) of the mean truncated gain, valid with
   * probability 1 − δ.
   */
  readonly gainLower: number;
  /**
   * Estimated bias from truncating the weights, and an upper bound of this bias that holds with probability 1
   * − δ (ζ of E61, where the bound F on the values is hi − lo).
   */
  readonly zeta: number;
  readonly zetaUpper: number;
  /** Largest number of turns of the agent in one trajectory. */
  readonly ownTurns: number;
  /**
   * Two bounds on the difference between surrogate gain and true gain (E58 and E59), computed from the range
   * of the return and the *observed* TV. They are a diagnostic only, because the true maximum of the TV is
   * unknown.
   */
  readonly horizonPenalty: number;
  readonly coupledHorizonPenalty: number;
  /** Effective sample size of the weights, (Σw)²/Σw², number of trajectories. */
  readonly effectiveSampleSize: number;
}

/**
 * Computes the certificate of one agent's update from trajectories on the validation split   (E66, from E58,
 * E59, E61, E62 and E63).
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
 * Adds the lower bounds on the gains of a stage's updates. If each bound holds with probability 1 − δ_c/n,
 * the sum is a lower bound on the stage's gain with probability 1 − δ_c. This is valid for fresh rollouts
 * only. If the updates reuse the same rollouts, compute the truncated gain (E62) once instead, with the
 * likelihood ratio of all updated agents (E66).
 *
 * @param lower_A - `gainLower` of every accepted step [A], reward units
 */
export function stageLowerBound(lower_A: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < lower_A.length; i++) sum += lower_A[i];
  return sum;
}
