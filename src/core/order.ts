/**
 * Order in which a stage updates the agents.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Update order"
 * @module
 */
import { checkFinite, checkInteger, checkLength, checkWithin } from './check.ts';
import { DomainError } from './errors.ts';

/** Returns the static order 0, 1, .., n−1   (E43 `static`). */
export function staticOrder(n: number): number[] {
  checkInteger('staticOrder', 'n', n, 0);
  return Array.from({ length: n }, (_, i) => i);
}

/**
 * Returns a random order by the Fisher–Yates shuffle: for k = n−1..1, it swaps entry k with entry j = floor(U
 * (k+1)). Each k uses one uniform draw U   (E43 `random`).
 *
 * @param n - number of agents
 * @param uniforms - draws in [0, 1), at least n − 1 of them; draws after the first n − 1 are not used
 * @throws DomainError if there are too few uniforms or one lies outside [0, 1)
 *
 * @example
 * randomOrder(3, [0, 0]); // => [1, 2, 0]
 */
export function randomOrder(n: number, uniforms: ArrayLike<number>): number[] {
  const order = staticOrder(n);
  if (uniforms.length < n - 1)
    throw new DomainError(`randomOrder: expected at least ${n - 1} uniforms, got ${uniforms.length}`);
  for (let k = n - 1; k >= 1; k--) {
    const u = uniforms[n - 1 - k];
    if (!(u >= 0 && u < 1)) throw new DomainError(`randomOrder: expected uniforms in [0, 1), got ${u}`);
    const j = Math.floor(u * (k + 1));
    [order[k], order[j]] = [order[j], order[k]];
  }
  return order;
}

/**
 * Returns the agents by descending mean index of their first turn, ties by descending id   (E43 `reverse`).
 *
 * This order is recommended if all agents' updates reuse the same rollouts. If each agent has one turn, the
 * agents already updated act at later turns than the agent being updated, and truncated GAE (E15) includes
 * the weights of all later turns. The result is n−1..0 if ids are in execution order.
 *
 * @param meanFirstTurn_A - mean over the batch of the index of each agent's first own turn [A]; NaN for an agent
 *   without a turn, which comes last
 */
export function reverseOrder(meanFirstTurn_A: ArrayLike<number>): number[] {
  return staticOrder(meanFirstTurn_A.length).sort(
    (a, b) => descending(meanFirstTurn_A[a], meanFirstTurn_A[b]) || b - a,
  );
}

/**
 * Returns the agents by descending predicted gain, ties by ascending id, NaN last   (E43 `greedy`).
 *
 * The order depends on data. It must not be chosen on the data from which a certificate (lower bound on the
 * gain) is computed.
 *
 * @param predictedGain_A - predicted gain of each agent's update [A], from {@link predictedGain} or E65
 *
 * @example
 * greedyOrder([0.1, 0.3, Number.NaN, 0.3]); // => [1, 3, 0, 2]
 */
export function greedyOrder(predictedGain_A: ArrayLike<number>): number[] {
  return staticOrder(predictedGain_A.length).sort(
    (a, b) => descending(predictedGain_A[a], predictedGain_A[b]) || a - b,
  );
}

/** Compares for a descending sort in which NaN comes last. */
function descending(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a === b ? 0 : b > a ? 1 : -1;
}

/**
 * Predicts the gain of an agent's update: sqrt( 2 δ_i · mean of Ã_g² over the trajectories in which the agent
 * acts ), times the share of these trajectories   (E43).
 *
 * @param advantages_N - normalised advantage Ã of each trajectory [N]
 * @param active_N - whether the agent has a turn in the trajectory [N]
 * @param delta - δ_i: KL radius of the update, nats
 * @returns predicted gain, no unit; 0 if the agent has no turn
 */
export function predictedGain(
  advantages_N: ArrayLike<number>,
  active_N: ArrayLike<boolean>,
  delta: number,
): number {
  checkLength('predictedGain', 'flags', advantages_N.length, active_N.length);
  checkFinite('predictedGain', 'advantages_N', advantages_N);
  checkWithin('predictedGain', 'delta', [delta], { lo: 0, hi: Number.MAX_VALUE });
  let active = 0;
  let squares = 0;
  for (let n = 0; n < advantages_N.length; n++) {
    if (!active_N[n]) continue;
    active++;
    squares += advantages_N[n] ** 2;
  }
  if (active === 0) return 0;
  return Math.sqrt((2 * delta * squares) / active) * (active / advantages_N.length);
}
