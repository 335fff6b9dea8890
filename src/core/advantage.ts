/**
 * Group-relative advantages: the return of a trajectory is compared with the returns of the other
 * trajectories of the same prompt, so no critic is needed. The multi-step estimators with a critic are in
 * `estimator.ts`.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Group-relative normalization"; GRPO, arXiv 2402.03300
 * @module
 */
import { checkFinite, checkLength, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';

/**
 * If all values of a group lie within this distance of their mean (in the unit of the values), or if the
 * group's weights sum to less than this number, all advantages of the group are 0.
 */
const NO_SIGNAL = 1e-12;

/** Options of {@link groupNormalizedAdvantages}. */
export interface GroupNormOptions {
  /**
   * `group`: divide by the group's standard deviation, as in the paper. `mean`: subtract the mean only, which
   * keeps the reward unit.
   */
  readonly normalise?: 'group' | 'mean';
  /** A_clip > 0: advantages are clamped to ± this bound. Default 5. */
  readonly clip?: number;
  /** ε: added to the standard deviation to keep the quotient finite. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * Normalizes each value within the group of its prompt: Ã_n = clamp( (A_n − μ_g) / (σ_g + ε), −A_clip, A_clip
 * ), where μ_g and σ_g are the mean and the standard deviation of n's group g   (E20, E21).
 *
 * As in the paper, σ_g has the divisor G, the number of trajectories in the group, and not G − 1. All
 * advantages of a group are exactly 0 if its values lie within 1e-12 of their mean (this includes G = 1). A
 * group contains *all* trajectories of a prompt, including those in which the agent produces no tokens. A
 * clip of 5 has no effect below G = 27, because a standardized value of a group is at most sqrt(G − 1).
 *
 * Differs from the paper, which uses A_clip as the largest advantage A_max in its lower bound on the gain.
 * Here no bound on the gain uses Ã, because Ã has no unit. `normalise: 'mean'` omits the division by σ,
 * because the division gives prompts with a small σ a larger weight.
 *
 * @param values_N - advantage or return of each trajectory [N], finite
 * @param groups_N - prompt id of each trajectory [N]; the trajectories of a prompt need not be adjacent
 * @returns advantages [N], in input order, each within ±clip
 * @throws DomainError if lengths differ, a value is not finite, clip <= 0 or epsilon < 0
 *
 * @example
 * groupNormalizedAdvantages([1, 0, 5, 5], [7, 7, 9, 9]); // ≈> [1, -1, 0, 0]
 */
export function groupNormalizedAdvantages(
  values_N: ArrayLike<number>,
  groups_N: ArrayLike<number>,
  { normalise = 'group', clip = 5, epsilon = 1e-8 }: GroupNormOptions = {},
): Float64Array {
  const where = 'groupNormalizedAdvantages';
  checkLength(where, 'group ids', values_N.length, groups_N.length);
  checkFinite(where, 'values_N', values_N);
  checkPositive(where, 'clip', clip);
  if (!(epsilon >= 0)) throw new DomainError(`${where}: expected epsilon >= 0, got ${epsilon}`);

  const advantages_N = new Float64Array(values_N.length);
  for (const group of groupMembers(groups_N).values()) {
    const mu = group.reduce((sum, n) => sum + values_N[n], 0) / group.length;
    if (group.every((n) => Math.abs(values_N[n] - mu) < NO_SIGNAL)) continue;
    const sigma = Math.sqrt(group.reduce((sum, n) => sum + (values_N[n] - mu) ** 2, 0) / group.length);
    const scale = normalise === 'group' ? sigma + epsilon : 1;
    for (const n of group) advantages_N[n] = Math.max(-clip, Math.min(clip, (values_N[n] - mu) / scale));
  }
  return advantages_N;
}

/**
 * Subtracts from each return the weighted mean return of its prompt's group, and multiplies by the
 * trajectory's weight: Â_n = ω_n (R_n − b_g), with b_g = Σ_g ω R / Σ_g ω. R_n is the return and ω_n the
 * weight of trajectory n   (E19).
 *
 * This is the paper's advantage for reused rollouts, without a critic. It equals truncated GAE with prefix
 * weights, averaged over the agent's turns (E15, E17, E18), if the critic's value is the constant b, gamma =
 * lambda = 1 and the only reward comes at the end. With fresh rollouts ω is 1, and the advantage is GRPO's R
 * − mean(R).
 *
 * @param returns_N - return of each trajectory [N], reward units, finite
 * @param omega_N - ω: product of the truncated importance weights of the trajectory's turns (E13) [N], >= 0
 * @param groups_N - prompt id of each trajectory [N]
 * @returns advantages [N], reward units; all 0 in a group whose weights sum to less than 1e-12
 * @throws DomainError if lengths differ, a value is not finite or a weight is negative
 *
 * @example
 * groupRelativeAdvantages([1, 0], [1, 1], [0, 0]); // => [0.5, -0.5]
 */
export function groupRelativeAdvantages(
  returns_N: ArrayLike<number>,
  omega_N: ArrayLike<number>,
  groups_N: ArrayLike<number>,
): Float64Array {
  const where = 'groupRelativeAdvantages';
  const N = returns_N.length;
  checkLength(where, 'weights', N, omega_N.length);
  checkLength(where, 'group ids', N, groups_N.length);
  checkFinite(where, 'returns_N', returns_N);
  checkFinite(where, 'omega_N', omega_N);
  for (let n = 0; n < N; n++)
    if (omega_N[n] < 0) throw new DomainError(`${where}: expected omega_N[${n}] >= 0, got ${omega_N[n]}`);

  const advantages_N = new Float64Array(N);
  for (const group of groupMembers(groups_N).values()) {
    const total = group.reduce((sum, n) => sum + omega_N[n], 0);
    if (total < NO_SIGNAL) continue;
    const baseline = group.reduce((sum, n) => sum + omega_N[n] * returns_N[n], 0) / total;
    for (const n of group) advantages_N[n] = omega_N[n] * (returns_N[n] - baseline);
  }
  return advantages_N;
}

/** Returns the trajectory indices of each group, groups in order of first appearance. */
function groupMembers(groups_N: ArrayLike<number>): Map<number, number[]> {
  const members = new Map<number, number[]>();
  for (let n = 0; n < groups_N.length; n++) {
    const list = members.get(groups_N[n]);
    if (list) list.push(n);
    else members.set(groups_N[n], [n]);
  }
  return members;
}
