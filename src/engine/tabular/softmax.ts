/**
 * Softmax of one row of logits in float64, sampling from it, and divergences between two rows.
 * @module
 */

/**
 * Computes log softmax(z / temperature), nats. Unlike the function in `core`, this function propagates NaN
 * instead of throwing: the trainer detects diverged weights and restores a snapshot.
 *
 * @param logits - z [V]; minus infinity means probability 0
 * @returns logp [V]
 */
export function logSoftmax(logits: Float64Array, temperature: number): Float64Array {
  let max = -Infinity;
  for (const z of logits) if (z > max || Number.isNaN(z)) max = z;
  let sum = 0;
  for (const z of logits) sum += Math.exp((z - max) / temperature);
  const logNormalizer = Math.log(sum);
  return logits.map((z) => (z - max) / temperature - logNormalizer);
}

/**
 * Inverse-CDF sampling: returns the first token whose cumulative probability exceeds u.
 *
 * @param logp - log-probabilities [V], nats
 * @param u - uniform draw in [0, 1)
 */
export function drawToken(logp: Float64Array, u: number): number {
  let cumulated = 0;
  let last = 0;
  for (let v = 0; v < logp.length; v++) {
    const p = Math.exp(logp[v] as number);
    if (p > 0) last = v;
    cumulated += p;
    if (u < cumulated) return v;
  }
  return last; // u can exceed the cumulative sum, which can round to slightly less than 1
}

/**
 * Computes KL(p || q) = sum_v p_v (log p_v - log q_v), nats (E27), with 0 log 0 = 0. NaN propagates, so that
 * a diverged policy never looks like an unchanged one.
 *
 * @param logp - log-probabilities of p [V]
 * @param logq - log-probabilities of q [V]
 */
export function klDivergence(logp: Float64Array, logq: Float64Array): number {
  let kl = 0;
  for (let v = 0; v < logp.length; v++) {
    const p = Math.exp(logp[v] as number);
    if (p !== 0) kl += p * ((logp[v] as number) - (logq[v] as number));
  }
  return Math.max(0, kl); // rounding can make the sum slightly negative
}

/**
 * Computes the total variation 1/2 sum_v |p_v - q_v| of two distributions, given as log-probabilities [V].
 */
export function totalVariation(logp: Float64Array, logq: Float64Array): number {
  let sum = 0;
  for (let v = 0; v < logp.length; v++)
    sum += Math.abs(Math.exp(logp[v] as number) - Math.exp(logq[v] as number));
  return sum / 2;
}
