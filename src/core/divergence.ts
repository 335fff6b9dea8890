/**
 * Divergences between an agent's new and old next-token distribution after one prefix (one token state). The
 * exact divergences sum over the full vocabulary; the trust region needs them. The sampled divergences use
 * only the token that was drawn. They are suitable for a loss only: probability that moved to a token which
 * the old policy almost never draws does not appear in a sample.
 * @see SAT (arXiv 2605.05216) Sec. 4 "KL control"; Schulman, "Approximating KL divergence", 2020
 * @module
 */
import { checkLength, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';

/**
 * Returns the log-probabilities of a softmax with temperature, log softmax(z / τ) of the logits z   (E9).
 *
 * @param logits_V - logits [V], finite or −Infinity
 * @param temperature - τ > 0, the sampling temperature
 * @returns log-probabilities [V], nats
 * @throws DomainError if temperature <= 0 or no logit is finite
 */
export function logSoftmax(logits_V: ArrayLike<number>, temperature = 1): Float64Array {
  checkPositive('logSoftmax', 'temperature', temperature);
  const logp_V = new Float64Array(logits_V.length);
  let max = -Infinity;
  for (let v = 0; v < logp_V.length; v++) {
    logp_V[v] = logits_V[v] / temperature;
    if (Number.isNaN(logp_V[v]))
      throw new DomainError(`logSoftmax: expected a number at logits_V[${v}], got NaN`);
    if (logp_V[v] > max) max = logp_V[v];
  }
  if (!Number.isFinite(max))
    throw new DomainError(
      `logSoftmax: expected a finite largest logit, got ${max} of ${logp_V.length} logits`,
    );
  let sum = 0;
  for (let v = 0; v < logp_V.length; v++) {
    // the largest logit is subtracted before log(sum), so that large logits keep their precision
    logp_V[v] -= max;
    sum += Math.exp(logp_V[v]);
  }
  const logSum = Math.log(sum);
  for (let v = 0; v < logp_V.length; v++) logp_V[v] -= logSum;
  return logp_V;
}

/** Divergences between the new and the old policy at one state. */
export interface StateDivergence {
  /** KL(new‖old), the direction of the trust region, nats. */
  readonly klNewOld: number;
  /** KL(old‖new), nats. */
  readonly klOldNew: number;
  /** Total variation, 0..1. */
  readonly tv: number;
}

/**
 * Computes KL(p‖q) = Σ_v p_v (log p_v − log q_v) between the new policy p and the old policy q, KL(q‖p), and
 * the total variation TV = ½ Σ_v |p_v − q_v|   (E27).
 *
 * @param logpNew_V - log-probabilities of the new policy [V], normalised, nats
 * @param logpOld_V - log-probabilities of the old policy [V], nats
 * @returns both KLs (Infinity if one policy has probability 0 where the other has not) and TV. All three are
 *   NaN if any log-probability is NaN; otherwise a diverged policy could look unchanged
 * @throws DomainError if the vocabularies differ in size
 */
export function stateDivergence(logpNew_V: ArrayLike<number>, logpOld_V: ArrayLike<number>): StateDivergence {
  checkLength('stateDivergence', 'old log-probabilities', logpNew_V.length, logpOld_V.length);
  let klNewOld = 0;
  let klOldNew = 0;
  let absolute = 0;
  for (let v = 0; v < logpNew_V.length; v++) {
    const p = Math.exp(logpNew_V[v]);
    const q = Math.exp(logpOld_V[v]);
    // 0 log 0 = 0
    if (p > 0) klNewOld += p * (logpNew_V[v] - logpOld_V[v]);
    if (q > 0) klOldNew += q * (logpOld_V[v] - logpNew_V[v]);
    absolute += Math.abs(p - q);
  }
  if (Number.isNaN(absolute)) return { klNewOld: Number.NaN, klOldNew: Number.NaN, tv: Number.NaN };
  // rounding can give a KL of -1e-17 for equal policies
  return { klNewOld: Math.max(0, klNewOld), klOldNew: Math.max(0, klOldNew), tv: absolute / 2 };
}

/** Divergences at one state with their gradients. */
export interface ExactKl extends StateDivergence {
  /** d KL(new‖old) / d logitsNew [V]. */
  readonly gradNewOld: Float64Array;
  /** d KL(old‖new) / d logitsNew [V]. */
  readonly gradOldNew: Float64Array;
}

/**
 * Computes divergences (E27) from logits, with their gradients: ∂KL(p‖q)/∂z_v = p_v (log p_v − log q_v −
 * KL)/τ and ∂KL(q‖p)/∂z_v = (p_v − q_v)/τ, where p = softmax(z/τ) is the new policy, q the old policy, and q
 * is constant (E28).
 *
 * @param logitsNew_V - logits of the new policy [V]
 * @param logitsOld_V - logits of the old policy [V]
 * @param temperature - τ > 0, the sampling temperature
 * @returns both KLs in nats, TV and both gradients with respect to the new logits
 * @throws DomainError if sizes differ, temperature <= 0, or a logit is NaN
 *
 * @example
 * exactKl([1, 0], [1, 0]).klNewOld; // => 0
 */
export function exactKl(
  logitsNew_V: ArrayLike<number>,
  logitsOld_V: ArrayLike<number>,
  { temperature = 1 }: { readonly temperature?: number } = {},
): ExactKl {
  const logpNew_V = logSoftmax(logitsNew_V, temperature);
  const logpOld_V = logSoftmax(logitsOld_V, temperature);
  const divergence = stateDivergence(logpNew_V, logpOld_V);
  const V = logpNew_V.length;
  const gradNewOld = new Float64Array(V);
  const gradOldNew = new Float64Array(V);
  for (let v = 0; v < V; v++) {
    const p = Math.exp(logpNew_V[v]);
    if (p > 0) gradNewOld[v] = (p * (logpNew_V[v] - logpOld_V[v] - divergence.klNewOld)) / temperature;
    gradOldNew[v] = (p - Math.exp(logpOld_V[v])) / temperature;
  }
  return { ...divergence, gradNewOld, gradOldNew };
}

/**
 * Names of the sampled KL estimators. The default `k3n` is the only non-negative estimator of KL(new‖old).
 */
export type KlEstimator = 'k1' | 'k2' | 'k3' | 'k1n' | 'k3n';

/** Bound on the absolute log-ratio, nats. Outside this bound the estimate is constant and its slope is 0. */
const MAX_TOKEN_LOG_RATIO = 10;

/**
 * Estimates the KL from one token drawn from `old`, and returns the slope of the estimate.
 * x = logp_new − logp_old   (E29).
 *
 * k1 = −x, k2 = x²/2 and k3 = eˣ−1−x estimate KL(old‖new). k1n = eˣx and k3n = eˣ(x−1)+1 estimate
 * KL(new‖old). Differs from the official code of SAT, which uses k3 and thereby estimates KL(old‖new),
 * whereas its trust region limits KL(new‖old).
 *
 * @param x - log-ratio of the token, nats; clamped to ±10, outside which the slope is 0
 * @returns value in nats and d value / d logp_new
 * @throws DomainError if x is NaN
 */
export function sampledKl(
  x: number,
  estimator: KlEstimator = 'k3n',
): { readonly value: number; readonly slope: number } {
  if (Number.isNaN(x)) throw new DomainError('sampledKl: expected a log-ratio, got NaN');
  const clamped = Math.max(-MAX_TOKEN_LOG_RATIO, Math.min(MAX_TOKEN_LOG_RATIO, x));
  const { value, slope } = estimatorAt(clamped, estimator);
  return { value, slope: clamped === x ? slope : 0 };
}

function estimatorAt(x: number, estimator: KlEstimator): { readonly value: number; readonly slope: number } {
  switch (estimator) {
    case 'k1':
      return { value: -x, slope: -1 };
    case 'k2':
      return { value: (x * x) / 2, slope: x };
    case 'k3':
      return { value: Math.expm1(x) - x, slope: Math.expm1(x) };
    case 'k1n':
      return { value: Math.exp(x) * x, slope: Math.exp(x) * (x + 1) };
    case 'k3n':
      // computes eˣ(x−1)+1 without the cancellation of the leading 1
      return { value: Math.expm1(x) * (x - 1) + x, slope: Math.exp(x) * x };
    default:
      return estimator satisfies never;
  }
}

/**
 * Sums the exact KL over the agent's tokens of each trajectory: κ_g = Σ_s KL(s), with one state s for each
 * token of trajectory g. The confidence bound E34 and the bound on the KL per message E36 use these sums
 * (E27).
 *
 * @param klTokens - exact KL at each token of the agent, one array per message [M][T], nats
 * @param trajectory_M - trajectory of each message; absent: every message is its own trajectory
 * @returns sums, one per trajectory in order of first appearance, nats
 * @throws DomainError if the number of labels differs from the number of messages
 */
export function messageSums(
  klTokens: readonly ArrayLike<number>[],
  trajectory_M?: ArrayLike<number>,
): Float64Array {
  if (trajectory_M) checkLength('messageSums', 'trajectory labels', klTokens.length, trajectory_M.length);
  const sums = new Map<number, number>();
  klTokens.forEach((tokens, m) => {
    const trajectory = trajectory_M ? trajectory_M[m] : m;
    let sum = sums.get(trajectory) ?? 0;
    for (let t = 0; t < tokens.length; t++) sum += tokens[t];
    sums.set(trajectory, sum);
  });
  return Float64Array.from(sums.values());
}
