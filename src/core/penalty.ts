/**
 * Occupancy penalties: bounds on the part of an update's gain that can be lost because the update changes the
 * state distribution. They range from the paper's first-order term to sharp bounds and bounds for episodes.
 * Each is in reward units. The surrogate gain L_i (predicted gain of agent i's update on the state
 * distribution before the update) minus a penalty is a lower bound on the true gain.
 * @see SAT (arXiv 2605.05216) Theorem 1; TRPO, arXiv 1502.05477; CPO, arXiv 1705.10528; HATRPO, arXiv 2109.11251
 * @module
 */
import { checkFinite, checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** Size of one agent's step in a discounted MDP. */
export interface StepSize {
  /** Discount, 0 <= γ < 1. */
  readonly gamma: number;
  /**
   * A_max: largest absolute advantage of the team *before* the step, reward units. Do not pass the bound at
   * which normalised advantages are clipped.
   */
  readonly aMax: number;
  /** Largest total variation between the agent's new and old policy over all states, 0..1. */
  readonly tvMax: number;
}

function checkDiscount(where: string, gamma: number): void {
  if (!(gamma >= 0 && gamma < 1))
    throw new DomainError(
      `${where}: expected 0 <= gamma < 1, got ${gamma}; for episodes with gamma 1 use horizonPenalty`,
    );
}

/**
 * Computes the paper's penalty (2γ/(1−γ)²) A_max sqrt(δ/2), where δ is the largest per-state KL and A_max the
 * largest advantage   (occupancy term of E50, as printed in the paper).
 *
 * The penalty is of first order in the step size: at γ >= 1/2 it exceeds every possible gain of the step
 * (E51). The paper's penalty is reported for information only.
 *
 * @param klMax - δ: largest per-state KL of the agent's step, nats
 */
export function paperOccupancyPenalty({
  gamma,
  aMax,
  klMax,
}: {
  readonly gamma: number;
  readonly aMax: number;
  readonly klMax: number;
}): number {
  checkDiscount('paperOccupancyPenalty', gamma);
  return ((2 * gamma) / (1 - gamma) ** 2) * aMax * Math.sqrt(klMax / 2);
}

/**
 * Computes TRPO's penalty 4γ A_max TV² / (1−γ)², where TV is the largest total variation and A_max the
 * largest advantage   (E53). With TV² replaced by its bound KL/2, the penalty is 2γ A_max KL / (1−γ)².
 */
export function trpoPenalty({ gamma, aMax, tvMax }: StepSize): number {
  checkDiscount('trpoPenalty', gamma);
  return (4 * gamma * aMax * tvMax ** 2) / (1 - gamma) ** 2;
}

/**
 * Computes TRPO's penalty (E53) with the sharp occupancy bound: 4γ A_max TV² / ((1−γ)(1−γ+γTV)), where TV is
 * the largest total variation and A_max the largest advantage   (E54).
 */
export function sharpPenalty({ gamma, aMax, tvMax }: StepSize): number {
  checkDiscount('sharpPenalty', gamma);
  return (4 * gamma * aMax * tvMax ** 2) / ((1 - gamma) * (1 - gamma + gamma * tvMax));
}

/**
 * Computes the penalty with the expected TV: (2γ/(1−γ)²) max_s|f(s)| E_{s~d}[TV(s)], where d is the occupancy
 * before the step and f(s) = E_{a~new}[A(s, a)] the expected advantage of the new policy at state s   (E55).
 *
 * @param options.fMax - max_s |f(s)|, reward units; at most the range of A (max_a A − min_a A) times the
 *   largest TV
 * @param options.tvMean - exact TV (not a bound by Pinsker's inequality), averaged over the occupancy before
 *   the step
 */
export function expectedTvPenalty({
  gamma,
  fMax,
  tvMean,
}: {
  readonly gamma: number;
  readonly fMax: number;
  readonly tvMean: number;
}): number {
  checkDiscount('expectedTvPenalty', gamma);
  return ((2 * gamma) / (1 - gamma) ** 2) * fMax * tvMean;
}

/**
 * Computes the penalty of a whole stage: (4γ/(1−γ)²) A_max min( (Σ TV_i)², Σ δ_i/2 ). TV_i and δ_i are the
 * largest TV and KL of agent i's step, and A_max is the largest advantage of the team at the start of the
 * stage. Subtract the penalty from a surrogate gain on the occupancy at the start of the stage   (E56).
 *
 * @param options.tvMax_A - largest TV of each agent's step [A]
 * @param options.klMax_A - largest per-state KL(new‖old) of each agent's step [A], nats
 */
export function jointPenalty({
  gamma,
  aMax,
  tvMax_A,
  klMax_A,
}: {
  readonly gamma: number;
  readonly aMax: number;
  readonly tvMax_A: ArrayLike<number>;
  readonly klMax_A: ArrayLike<number>;
}): number {
  checkDiscount('jointPenalty', gamma);
  checkLength('jointPenalty', 'KL radii', tvMax_A.length, klMax_A.length);
  const tvJoint2 = Math.min(total(tvMax_A) ** 2, total(klMax_A) / 2);
  return ((4 * gamma) / (1 - gamma) ** 2) * aMax * tvJoint2;
}

/**
 * Bounds the error of agent i's surrogate gain if it is computed on the occupancy at the start of the stage
 * (L_i^stale) instead of the occupancy of the team after the preceding updates (L_i^seq): |L_i^seq −
 * L_i^stale| <= (4γ A_max/(1−γ)²) TV_i Σ_{k<i} TV_k (docs/algorithm.md, section 3.2).
 *
 * @param tvMax - TV of agent i's own step
 * @param tvBefore - TV of each step taken before agent i's step in this stage
 */
export function staleSurrogateGap({ gamma, aMax, tvMax }: StepSize, tvBefore: ArrayLike<number>): number {
  checkDiscount('staleSurrogateGap', gamma);
  return ((4 * gamma * aMax) / (1 - gamma) ** 2) * tvMax * total(tvBefore);
}

/**
 * Bounds the shift of the occupancy with the paper's constant: ‖d′−d‖₁ <= (2γ/(1−γ)) max_s TV, for the
 * occupancies d before and d′ after the step   (E52, valid for occupancies that sum to 1).
 */
export function occupancyShift({ gamma, tvMax }: Pick<StepSize, 'gamma' | 'tvMax'>): number {
  checkDiscount('occupancyShift', gamma);
  return ((2 * gamma) / (1 - gamma)) * tvMax;
}

/**
 * Bounds the shift from the occupancy d before a step to the occupancy d′ after it: ‖d′−d‖₁ <= 2γ TV / (1−γ+γ
 * TV), which is at most 2. TV is the largest total variation of the step. The bound is sharp: a two-state
 * chain attains it   (E52).
 */
export function sharpOccupancyShift({ gamma, tvMax }: Pick<StepSize, 'gamma' | 'tvMax'>): number {
  checkDiscount('sharpOccupancyShift', gamma);
  return (2 * gamma * tvMax) / (1 - gamma + gamma * tvMax);
}

/** The turns of one agent in an episode (γ = 1), in execution order. */
export interface OwnTurns {
  /**
   * Largest range of the action values, max_a Q − min_a Q, over all states at the agent's turns, reward
   * units. If the only reward comes at the end, it is at most the range of the reward.
   */
  readonly span: number;
  /**
   * a_j: largest TV (total variation between new and old policy) over all contexts at the agent's turn j [m].
   * For language models this maximum cannot be observed.
   */
  readonly tvMax: ArrayLike<number>;
}

/**
 * Bounds the difference of true gain ΔJ_i and surrogate gain L_i in an episode: |ΔJ_i − L_i| <= 2 span Σ_j
 * a_j Σ_{k<j} t̄_k. `span` is the largest range of Q, a_j the largest TV and t̄_k the mean TV at the agent's
 * turns j and k   (E58).
 *
 * If the agent has at most one turn, the bound is 0: the surrogate *equals* the true gain.
 *
 * @param tvMean - t̄_k: mean TV at the agent's turn k under the state distribution d_k before the step [m]
 * @throws DomainError if lengths differ
 *
 * @example
 * horizonPenalty({ span: 1, tvMax: [0.3], tvMean: [0.1] }); // => 0
 */
export function horizonPenalty({
  span,
  tvMax,
  tvMean,
}: OwnTurns & { readonly tvMean: ArrayLike<number> }): number {
  checkLength('horizonPenalty', 'mean total variations', tvMax.length, tvMean.length);
  return overOwnTurns(span, tvMax, (j) => 2 * total(Array.prototype.slice.call(tvMean, 0, j)));
}

/**
 * Bounds the difference of true gain ΔJ_i and surrogate gain L_i by a coupling argument: |ΔJ_i − L_i| <= 2
 * span Σ_j a_j (1 − Π_{k<j}(1 − a_k)). The bound needs only a_j, the largest TV over all contexts at the
 * agent's turn j, and `span`, the largest range of Q at the agent's turns   (E59).
 */
export function coupledHorizonPenalty({ span, tvMax }: OwnTurns): number {
  let together = 1;
  return overOwnTurns(span, tvMax, (j) => {
    if (j > 0) together *= 1 - tvMax[j - 1];
    return 2 * (1 - together);
  });
}

/**
 * Bounds the difference of true gain ΔJ_i and surrogate gain L_i by Pinsker's inequality on the distribution
 * of the state: |ΔJ_i − L_i| <= span Σ_j a_j min(2, sqrt(2 Σ_{k<j} E_{d_k} KL(old‖new))). `span` is the
 * largest range of Q, a_j the largest TV and d_k the state distribution under the old policy, at the agent's
 * turns j and k   (E59b).
 *
 * The bound grows like m^1.5 instead of m² in the number m of turns. Because the expectation is under the old
 * policy, the KL must have the direction KL(old‖new).
 *
 * @param klOldNewMean - E_{d_k} KL(old‖new): mean KL at the agent's turn k [m], nats
 */
export function marginalHorizonPenalty({
  span,
  tvMax,
  klOldNewMean,
}: OwnTurns & { readonly klOldNewMean: ArrayLike<number> }): number {
  checkLength('marginalHorizonPenalty', 'KLs', tvMax.length, klOldNewMean.length);
  let before = 0;
  return overOwnTurns(span, tvMax, (j) => {
    if (j > 0) before += klOldNewMean[j - 1];
    return Math.min(2, Math.sqrt(2 * before));
  });
}

/**
 * Returns Σ_j span · a_j · shift(j), where a_j is the largest TV at the agent's turn j. shift(j) bounds the
 * L1 distance between the state distributions at turn j under the old and the new policy. The function calls
 * shift in ascending order of j.
 */
function overOwnTurns(span: number, tvMax: ArrayLike<number>, shift: (j: number) => number): number {
  checkFinite('horizonPenalty', 'tvMax', tvMax);
  let sum = 0;
  for (let j = 0; j < tvMax.length; j++) sum += span * tvMax[j] * shift(j);
  return sum;
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum;
}
