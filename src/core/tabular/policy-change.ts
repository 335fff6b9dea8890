/**
 * Divergences of one agent's step over all states, and four lower bounds on its gain in a discounted MDP.
 * @see docs/algorithm.md, E50–E56
 * @module
 */
import { stateDivergence } from '../divergence.ts';
import { expectedTvPenalty, paperOccupancyPenalty, sharpPenalty, trpoPenalty } from '../penalty.ts';
import { type Evaluation, expectedAdvantage, surrogateGain } from './evaluate.ts';
import { jointDistribution, type Policy, type TeamMdp, type TeamPolicy } from './mdp.ts';

/** Divergences of a policy change. */
export interface PolicyChange {
  /** Largest KL(new‖old) over all states, nats. */
  readonly klMax: number;
  /** Largest KL(old‖new) over all states, nats. */
  readonly klReverseMax: number;
  /** max_s TV. */
  readonly tvMax: number;
  /** Mean total variation, weighted by the occupancy of the states, 0..1. */
  readonly tvMean: number;
}

/**
 * Computes the exact divergences of a policy change over all states   (E27).
 *
 * @param occupancy - weights of `tvMean` [S], summing to 1
 */
export function policyChange(old: Policy, next: Policy, occupancy: ArrayLike<number>): PolicyChange {
  let klMax = 0;
  let klReverseMax = 0;
  let tvMax = 0;
  let tvMean = 0;
  old.forEach((row, s) => {
    const { klNewOld, klOldNew, tv } = stateDivergence(logOf(next[s]), logOf(row));
    klMax = Math.max(klMax, klNewOld);
    klReverseMax = Math.max(klReverseMax, klOldNew);
    tvMax = Math.max(tvMax, tv);
    tvMean += occupancy[s] * tv;
  });
  return { klMax, klReverseMax, tvMax, tvMean };
}

/**
 * Returns the largest total variation over all states between the *joint* action distributions of two teams,
 * which E56 bounds.
 */
export function jointTvMax(mdp: TeamMdp, old: TeamPolicy, next: TeamPolicy): number {
  let max = 0;
  for (let s = 0; s < mdp.initial.length; s++) {
    const p = jointDistribution(mdp, old, s);
    const q = jointDistribution(mdp, next, s);
    max = Math.max(max, p.reduce((sum, x, a) => sum + Math.abs(x - q[a]), 0) / 2);
  }
  return max;
}

/** Surrogate gain of one agent's step and lower bounds on its true gain; reward units except the divergences. */
export interface StepBounds extends PolicyChange {
  /** L_i: surrogate gain, i.e. the gain predicted with the occupancy of the states before the step. */
  readonly surrogate: number;
  /** Largest absolute advantage of the team before the step. */
  readonly aMax: number;
  /** Largest absolute expected advantage of the new policy, max_s |E_{a~new}[A(s, a)]|. */
  readonly fMax: number;
  /**
   * Lower bounds on the true gain: L_i minus a penalty. In order, the penalty is that of the paper (E50),
   * that of TRPO (E53), the sharp penalty (E54), and the penalty with the expected TV (E55).
   */
  readonly lowerPaper: number;
  readonly lowerTrpo: number;
  readonly lowerSharp: number;
  readonly lowerExpectedTv: number;
}

/**
 * Computes the surrogate gain L_i of one agent's step and the lower bounds on its true gain ΔJ_i. The
 * advantages are exact, so the bounds have no term for estimation error   (E50, E53, E54, E55).
 *
 * @param start - team before the step, and its evaluation
 * @param step - changed agent, and team after the step
 */
export function stepBounds(
  mdp: TeamMdp,
  { evaluation, before }: { readonly evaluation: Evaluation; readonly before: TeamPolicy },
  { agent, after }: { readonly agent: number; readonly after: TeamPolicy },
): StepBounds {
  const { gamma } = mdp;
  const { aMax, occupancy } = evaluation;
  const change = policyChange(before[agent], after[agent], occupancy);
  const surrogate = surrogateGain(mdp, evaluation, after);
  let fMax = 0;
  for (let s = 0; s < mdp.initial.length; s++)
    fMax = Math.max(fMax, Math.abs(expectedAdvantage(mdp, evaluation, { policies: after, s })));
  const size = { gamma, aMax, tvMax: change.tvMax };
  return {
    ...change,
    surrogate,
    aMax,
    fMax,
    lowerPaper: surrogate - paperOccupancyPenalty({ gamma, aMax, klMax: change.klMax }),
    lowerTrpo: surrogate - trpoPenalty(size),
    lowerSharp: surrogate - sharpPenalty(size),
    lowerExpectedTv: surrogate - expectedTvPenalty({ gamma, fMax, tvMean: change.tvMean }),
  };
}

function logOf(p_V: ArrayLike<number>): Float64Array {
  return Float64Array.from(p_V, Math.log);
}
