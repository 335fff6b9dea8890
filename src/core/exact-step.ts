/**
 * Exact maximiser of one agent's expected score at one state within a KL ball. If the agents take these steps
 * one after the other, the expected return never decreases, so tests compare approximate updates with these
 * steps. For tabular MDPs only.
 * @see SAT (arXiv 2605.05216) Sec. 3 "Per-state update"; Peters et al., "Relative entropy policy search", 2010
 * @module
 */
import { checkDistribution, checkFinite, checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** Actions whose score lies within this distance of the best score count as best. */
const TIE = 1e-12;

/** Result of {@link exactStep}. */
export interface ExactStep {
  /** The new distribution [V]. */
  readonly pi: Float64Array;
  /**
   * η: step size in π ∝ old · exp(η score); Infinity for the unconstrained maximiser, 0 if the distribution
   * does not change.
   */
  readonly eta: number;
  /** KL(π‖old) from the distribution before the step to the new one, at most the radius δ, nats. */
  readonly kl: number;
  /** Increase of the expected score, ⟨π − old, score⟩ >= 0, units of the score. */
  readonly gain: number;
}

/**
 * Maximizes the expected score within a KL ball: argmax_π ⟨π, score⟩ subject to KL(π‖old) <= δ, solved by
 * π ∝ old · exp(η score)   (E39).
 *
 * η is found by bisection, because the KL increases in η. If the distribution `old`, restricted to the
 * actions with the highest score and renormalised, lies inside the ball, this distribution is the result (η =
 * ∞).
 *
 * @param old_V - distribution before the step [V]
 * @param score_V - score of each action, e.g. the agent's advantage A_i(s, ·) [V], any unit
 * @param delta - δ: radius of the ball, nats; at δ <= 0 the result is `old`
 * @throws DomainError if sizes differ, old_V is not a distribution, or a score is not finite
 *
 * @example
 * exactStep([0.5, 0.5], [1, 0], 1).pi; // => [1, 0]
 */
export function exactStep(old_V: ArrayLike<number>, score_V: ArrayLike<number>, delta: number): ExactStep {
  const where = 'exactStep';
  checkLength(where, 'scores', old_V.length, score_V.length);
  checkDistribution(where, 'old_V', old_V);
  checkFinite(where, 'score_V', score_V);
  if (Number.isNaN(delta)) throw new DomainError(`${where}: expected delta in nats, got NaN`);
  if (!(delta > 0)) return { pi: Float64Array.from(old_V), eta: 0, kl: 0, gain: 0 };

  const best = bestScore(old_V, score_V);
  const limit = normalised(old_V, (v) => (score_V[v] >= best - TIE ? 1 : 0));
  if (klBetween(limit, old_V) <= delta) return outcome(limit, Infinity, { old_V, score_V });

  const tilted = (eta: number) => normalised(old_V, (v) => Math.exp(eta * (score_V[v] - best)));
  let low = 0;
  let high = 1;
  while (klBetween(tilted(high), old_V) < delta && Number.isFinite(high)) high *= 2;
  for (let middle = high / 2; middle > low && middle < high; middle = (low + high) / 2) {
    if (klBetween(tilted(middle), old_V) <= delta) low = middle;
    else high = middle;
  }
  return outcome(tilted(low), low, { old_V, score_V });
}

/** Returns the largest score among the actions that have positive probability under the old policy. */
function bestScore(old_V: ArrayLike<number>, score_V: ArrayLike<number>): number {
  let best = -Infinity;
  for (let v = 0; v < old_V.length; v++) if (old_V[v] > 0 && score_V[v] > best) best = score_V[v];
  return best;
}

function normalised(old_V: ArrayLike<number>, factor: (v: number) => number): Float64Array {
  const mass_V = Float64Array.from(old_V, (p, v) => (p > 0 ? p * factor(v) : 0));
  const total = mass_V.reduce((sum, p) => sum + p, 0);
  return mass_V.map((p) => p / total);
}

function klBetween(p_V: Float64Array, q_V: ArrayLike<number>): number {
  let kl = 0;
  for (let v = 0; v < p_V.length; v++) if (p_V[v] > 0) kl += p_V[v] * Math.log(p_V[v] / q_V[v]);
  return Math.max(0, kl);
}

function outcome(
  pi: Float64Array,
  eta: number,
  { old_V, score_V }: { readonly old_V: ArrayLike<number>; readonly score_V: ArrayLike<number> },
): ExactStep {
  let gain = 0;
  for (let v = 0; v < pi.length; v++) gain += (pi[v] - old_V[v]) * score_V[v];
  return { pi, eta, kl: klBetween(pi, old_V), gain };
}
