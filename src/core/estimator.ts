/**
 * Multi-step advantage estimators with a critic, over the turns of one episode: SAT's GAE with importance
 * weights truncated at c, and V-trace (unbiased, but with unbounded weights). A third function averages the
 * advantages over an agent's own turns. The estimator without a critic is `groupRelativeAdvantages` in
 * `advantage.ts`.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Sequence-aware advantage"; GAE, arXiv 1506.02438; V-trace, arXiv 1802.01561
 * @module
 */
import { checkFinite, checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** Discount and trace decay of an estimator. */
export interface TraceOptions {
  /** γ: discount per turn, 0..1. Default 1. */
  readonly gamma?: number;
  /** λ: trace decay, 0..1. Default 0.95. */
  readonly lam?: number;
}

/**
 * Returns the temporal differences δ_t = r_t + γ V_{t+1} − V_t of the rewards r, the critic's values V and
 * the discount γ   (E14).
 *
 * @param rewards - team reward r_t per turn [turns], reward units
 * @param values - the critic's value V_t before each turn [turns], reward units
 * @param options - discount, and `lastValue`, V after the last turn: 0 at a true end (default), the bootstrap value
 *   if the episode is truncated
 * @returns temporal differences [turns], reward units
 * @throws DomainError if lengths differ, a number is not finite or gamma is outside [0, 1]
 */
export function temporalDifferences(
  rewards: ArrayLike<number>,
  values: ArrayLike<number>,
  { gamma = 1, lastValue = 0 }: { readonly gamma?: number; readonly lastValue?: number } = {},
): Float64Array {
  const where = 'temporalDifferences';
  checkLength(where, 'values', rewards.length, values.length);
  checkFinite(where, 'rewards', rewards);
  checkFinite(where, 'values', values);
  checkFinite(where, 'lastValue', [lastValue]);
  checkUnit(where, 'gamma', gamma);
  return Float64Array.from(rewards, (reward_t, t) => {
    const value_tp1 = t + 1 < values.length ? values[t + 1] : lastValue;
    return reward_t + gamma * value_tp1 - values[t];
  });
}

/**
 * Computes GAE with truncated importance weights: A_T = 0, A_t = δ_t + γλ c_{t+1} A_{t+1}, where δ_t are the
 * temporal differences, c_t the weights, γ the discount and λ the trace decay   (E15).
 *
 * δ_t is not multiplied by the weight of turn t, because A_t is conditional on the action at t. Every weight
 * is at most 1. With an exact critic the bias is at most {@link truncatedGaeBiasBound}. If every c is 1, the
 * result is ordinary GAE.
 *
 * @param delta - temporal differences [turns]
 * @param c - truncated weights per turn, E12 [turns]
 * @returns advantages [turns], reward units
 * @throws DomainError if lengths differ or an option is outside [0, 1]
 *
 * @example
 * truncatedGae([0, 1], [1, 0.5], { lam: 1 }); // => [0.5, 1]
 */
export function truncatedGae(
  delta: ArrayLike<number>,
  c: ArrayLike<number>,
  { gamma = 1, lam = 0.95 }: TraceOptions = {},
): Float64Array {
  const where = 'truncatedGae';
  checkLength(where, 'weights', delta.length, c.length);
  checkUnit(where, 'gamma', gamma);
  checkUnit(where, 'lam', lam);
  const advantages = new Float64Array(delta.length);
  let weightedNext = 0; // c_{t+1} A_{t+1}
  for (let t = delta.length - 1; t >= 0; t--) {
    advantages[t] = delta[t] + gamma * lam * weightedNext;
    weightedNext = c[t] * advantages[t];
  }
  return advantages;
}

/**
 * Computes V-trace advantages: X_T = 0, X_t = min(ρ̄, ρ_t) δ_t + γλ c_t X_{t+1}, A_t = δ_t + γ X_{t+1}, where
 * δ_t are the temporal differences, ρ_t and c_t the importance weights before and after truncation, and ρ̄ a
 * cap on ρ_t (E16).
 *
 * With an exact critic and ρ̄ = ∞ the estimator is unbiased, but each of its terms then has one unbounded
 * weight.
 *
 * @param delta - temporal differences [turns]
 * @param weights - ρ (E11) and c (E12) per turn [turns]
 * @param options - discount, trace decay, and ρ̄ as `rhoCap` (default Infinity; 10 in practice)
 * @returns advantages [turns], reward units
 * @throws DomainError if lengths differ or an option is out of range
 */
export function vtraceAdvantages(
  delta: ArrayLike<number>,
  weights: { readonly rho: ArrayLike<number>; readonly c: ArrayLike<number> },
  { gamma = 1, lam = 0.95, rhoCap = Infinity }: TraceOptions & { readonly rhoCap?: number } = {},
): Float64Array {
  const where = 'vtraceAdvantages';
  checkLength(where, 'ratios', delta.length, weights.rho.length);
  checkLength(where, 'weights', delta.length, weights.c.length);
  checkUnit(where, 'gamma', gamma);
  checkUnit(where, 'lam', lam);
  if (!(rhoCap > 0)) throw new DomainError(`${where}: expected rhoCap > 0, got ${rhoCap}`);
  const advantages = new Float64Array(delta.length);
  let x_tp1 = 0;
  for (let t = delta.length - 1; t >= 0; t--) {
    advantages[t] = delta[t] + gamma * x_tp1;
    x_tp1 = Math.min(rhoCap, weights.rho[t]) * delta[t] + gamma * lam * weights.c[t] * x_tp1;
  }
  return advantages;
}

/**
 * Averages the advantages over the agent's own turns: Â = (1/|T_i|) Σ_{t ∈ T_i} W_t A_t, or 0 if the agent
 * never acts. T_i is the set of the agent's turns, A_t the advantage and W_t the product of the importance
 * weights up to turn t   (E18).
 *
 * The result is a mean, because a sum would reward an agent for taking more turns. Differs from the paper,
 * which does not define its "aggregated per-timestep advantage" and has no prefix weight; omit `prefix` for
 * the paper's version.
 *
 * @param advantages - A_t per turn [turns], reward units
 * @param ownTurns - T_i, indices of the turns at which the agent is active
 * @param prefix - W_t: product of the weights up to turn t, E17 [turns]; absent: 1
 * @returns aggregated advantage, reward units
 * @throws DomainError if lengths differ or a turn lies outside the episode
 */
export function aggregateOwnTurns(
  advantages: ArrayLike<number>,
  ownTurns: ArrayLike<number>,
  prefix?: ArrayLike<number>,
): number {
  const where = 'aggregateOwnTurns';
  if (prefix) checkLength(where, 'prefix weights', advantages.length, prefix.length);
  if (ownTurns.length === 0) return 0;
  let sum = 0;
  for (let k = 0; k < ownTurns.length; k++) {
    const t = ownTurns[k];
    if (!(Number.isInteger(t) && t >= 0 && t < advantages.length))
      throw new DomainError(`${where}: expected turns 0..${advantages.length - 1}, got ${t}`);
    sum += (prefix ? prefix[t] : 1) * advantages[t];
  }
  return sum / ownTurns.length;
}

/**
 * Returns an upper bound on the bias of {@link truncatedGae} (E15) with an exact critic: (γλ / (1 − γλ))
 * A_max max_s TV(π̂, old), where π̂ is the team after the preceding updates of the stage and `old` the team
 * that sampled the rollouts.
 *
 * @param aMax - A_max: largest absolute advantage of π̂, reward units
 * @param tvMax - largest total variation between π̂ and `old` over all states
 * @returns bound, reward units; Infinity at γλ = 1 with tvMax > 0
 */
export function truncatedGaeBiasBound(
  { aMax, tvMax }: { readonly aMax: number; readonly tvMax: number },
  { gamma = 1, lam = 0.95 }: TraceOptions = {},
): number {
  const decay = gamma * lam;
  return tvMax === 0 || aMax === 0 ? 0 : (decay / (1 - decay)) * aMax * tvMax;
}

function checkUnit(where: string, name: string, value: number): void {
  if (!(value >= 0 && value <= 1))
    throw new DomainError(`${where}: expected ${name} in [0, 1], got ${value}`);
}
