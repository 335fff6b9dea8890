/**
 * Functions for a swap, i.e. for replacing the model of one agent: the projection of the new model's policy
 * onto a trust region around the old model's policy, for one next-token distribution (Stage-0), and a
 * prediction of whether the swap improves the team. Both models must have the same vocabulary.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Plug-and-play upgrades"
 * @module
 */
import { checkDistribution, checkFinite, checkLength } from './check.ts';
import { DomainError } from './errors.ts';
import { mixtureLogp, mixturePair, mixtureWeight } from './mixture.ts';

/**
 * Floor of the new model's probabilities in the logarithm of their ratio to the old model's probabilities.
 */
const PRE_FLOOR = 1e-9;

/** Result of {@link projectOntoTrustRegion}. */
export interface Projection {
  /** The projected policy π_w ∝ pre^w old^{1−w} [V]. */
  readonly pi: Float64Array;
  /** w: weight of the new model (the replacement), 0..1. */
  readonly w: number;
  /**
   * λ = (1 − w)/w: Lagrange multiplier of the constraint KL(π‖old) <= δ₀, where w is the weight; Infinity at
   * w = 0.
   */
  readonly lam: number;
  /** KL(π‖old) of the projected policy from the old model's, at most the radius δ₀, nats. */
  readonly klOld: number;
  /** KL(π‖pre) of the projected policy from the new model's, nats. */
  readonly klPre: number;
  /** Whether the constraint is active (w < 1). */
  readonly active: boolean;
}

/**
 * Projects the new model's distribution `pre` into the KL ball around the old model's distribution `old`:
 * argmin_π KL(π‖pre) subject to KL(π‖old) <= δ₀. The solution is pre^w old^{1−w} / Z with w = 1/(1+λ)   (E40,
 * E41).
 *
 * w is 1 if the new model's distribution is already inside the ball, and 0 (π = old) if δ₀ <= 0. Otherwise w
 * is the largest value that satisfies the constraint, which exists because KL(π_w‖old) increases in w. The
 * result always satisfies the constraint. Differs from the official code of SAT, which finds λ by bisection
 * below an arbitrary upper limit.
 *
 * @param pre_V - distribution of the new model (the replacement) [V]; floored at 1e-9 and renormalised
 * @param old_V - distribution of the old model (the incumbent) [V]
 * @param delta0 - δ₀: KL radius per token, nats. To limit the KL per message, pass that limit divided by the
 *   largest number of tokens of a message.
 * @throws DomainError if sizes differ or an argument is not a distribution
 *
 * @example
 * projectOntoTrustRegion([0.1, 0.9], [0.9, 0.1], 0.01).w; // ≈> 0.0961342323
 */
export function projectOntoTrustRegion(
  pre_V: ArrayLike<number>,
  old_V: ArrayLike<number>,
  delta0: number,
): Projection {
  const where = 'projectOntoTrustRegion';
  checkLength(where, 'old probabilities', pre_V.length, old_V.length);
  checkDistribution(where, 'pre_V', pre_V);
  checkDistribution(where, 'old_V', old_V);
  if (Number.isNaN(delta0)) throw new DomainError(`${where}: expected delta0 in nats, got NaN`);

  const logpOld_V = Float64Array.from(old_V, Math.log);
  const pair = mixturePair(Float64Array.from(pre_V, Math.log), logpOld_V);
  const w = mixtureWeight(pair, 0, delta0);
  const pi = mixtureLogp(pair, w).map(Math.exp);
  const klOld = klAgainst(pi, logpOld_V);
  return { pi, w, lam: (1 - w) / w, klOld, klPre: klAgainst(pi, pair.logpPre_V), active: w < 1 };
}

function klAgainst(p_V: Float64Array, logq_V: Float64Array): number {
  let kl = 0;
  for (let v = 0; v < p_V.length; v++) if (p_V[v] > 0) kl += p_V[v] * (Math.log(p_V[v]) - logq_V[v]);
  return Math.max(0, kl);
}

/** Input of {@link swapCovariance}; every table has one entry per state. */
export interface SwapTables {
  /** Occupancy d(s) of the current team [S]. */
  readonly occupancy_S: ArrayLike<number>;
  /** Policy of the agent's old model [S][V]. */
  readonly old_S: readonly ArrayLike<number>[];
  /** Policy of the agent's new model [S][V]. */
  readonly pre_S: readonly ArrayLike<number>[];
  /** A(s, a_j): advantages of the replaced agent's actions in the current team [S][V], reward units. */
  readonly advantage_S: readonly ArrayLike<number>[];
  /**
   * Weight of the new model in the mixture at each state, from {@link projectOntoTrustRegion} [S]; absent: 1.
   */
  readonly w_S?: ArrayLike<number>;
}

/**
 * Predicts the effect of a swap on the expected return J to first order: C = E_{s~d, a~old}[ A(s, a) w(s)
 * log(pre(a|s)/old(a|s)) ]. d is the occupancy of the current team, A the advantage, `old` and `pre` the
 * policies of the old and the new model, and w the mixture weight (E42).
 *
 * If C > 0, the projected swap raises J to first order; if C < 0, it lowers J. Actions with old = 0 do not
 * contribute.
 *
 * @returns C, reward units times nats
 *
 * @throws DomainError if the tables' shapes differ
 */
export function swapCovariance(tables: SwapTables): number {
  const { occupancy_S, old_S, pre_S, advantage_S, w_S } = tables;
  const where = 'swapCovariance';
  const S = occupancy_S.length;
  checkLength(where, 'old policies', S, old_S.length);
  checkLength(where, 'replacement policies', S, pre_S.length);
  checkLength(where, 'advantage rows', S, advantage_S.length);
  if (w_S) checkLength(where, 'weights', S, w_S.length);
  let sum = 0;
  for (let s = 0; s < S; s++) {
    const weight = occupancy_S[s] * (w_S ? w_S[s] : 1);
    for (let v = 0; v < old_S[s].length; v++) {
      const old = old_S[s][v];
      if (old > 0) sum += weight * old * advantage_S[s][v] * Math.log(Math.max(pre_S[s][v], PRE_FLOOR) / old);
    }
  }
  return sum;
}

/** Messages of existing rollouts, scored by both models of a swap. */
export interface SwapSamples {
  /** Â: advantage of each message [N], reward units. */
  readonly advantages_N: ArrayLike<number>;
  /** Log-probability of each message under the new model (`pre`) and under the old model [N], nats. */
  readonly logpPre_N: ArrayLike<number>;
  readonly logpOld_N: ArrayLike<number>;
  /** Weight of the new model in the mixture for each message [N]; absent: 1. */
  readonly w_N?: ArrayLike<number>;
}

/**
 * Estimates {@link swapCovariance} (E42) from existing rollouts: (1/N) Σ_n Â_n w_n (logp_pre − logp_old),
 * summed over N messages with advantage Â, mixture weight w, and log-probabilities under the new model (pre)
 * and the old model.
 *
 * @returns estimate of the covariance C, reward units times nats
 * @throws DomainError if lengths differ, there are no samples, or a number is not finite
 */
export function sampledSwapCovariance(samples: SwapSamples): number {
  const { advantages_N, logpPre_N, logpOld_N, w_N } = samples;
  const where = 'sampledSwapCovariance';
  const N = advantages_N.length;
  checkLength(where, 'replacement log-probabilities', N, logpPre_N.length);
  checkLength(where, 'old log-probabilities', N, logpOld_N.length);
  if (w_N) checkLength(where, 'weights', N, w_N.length);
  if (N === 0) throw new DomainError(`${where}: expected at least 1 sample, got 0`);
  checkFinite(where, 'advantages_N', advantages_N);
  checkFinite(where, 'logpPre_N', logpPre_N);
  checkFinite(where, 'logpOld_N', logpOld_N);
  let sum = 0;
  for (let n = 0; n < N; n++) sum += advantages_N[n] * (w_N ? w_N[n] : 1) * (logpPre_N[n] - logpOld_N[n]);
  return sum / N;
}
