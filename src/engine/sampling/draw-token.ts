/**
 * Draws a token from the model's full next-token distribution at a temperature, without top-p or top-k (E9).
 * @module
 */
import { expOfNonPositive } from '../../core/exp.ts';
import { EngineError } from '../../support/errors.ts';

/** Reused buffer for the exponentials of one row, so that each is computed only once per draw. */
let weights = new Float64Array(0);

/**
 * Draws a token from softmax(logits / temperature) by inverting the cumulative distribution, in float64.
 *
 * @param logits - [V]
 * @param uniform - in [0, 1)
 * @returns the token and its log-probability, nats
 * @throws EngineError if a logit is NaN or +Infinity: there is no distribution to draw from
 */
export function drawToken(
  logits: Float32Array,
  temperature: number,
  uniform: number,
): { readonly token: number; readonly logp: number } {
  let max = -Infinity;
  for (let v = 0; v < logits.length; v++) if (logits[v] > max) max = logits[v];
  if (weights.length < logits.length) weights = new Float64Array(logits.length);
  let total = 0;
  for (let v = 0; v < logits.length; v++) {
    const weight = expOfNonPositive((logits[v] - max) / temperature);
    weights[v] = weight;
    total += weight;
  }
  if (Number.isNaN(total))
    throw new EngineError(
      'engine: expected logits that are numbers, got NaN; the weights are damaged, restore or load good ones',
    );
  const target = uniform * total;
  let sum = 0;
  let token = 0;
  for (let v = 0; v < logits.length; v++) {
    const weight = weights[v];
    if (weight > 0) token = v; // skip tokens of probability 0, which rounding of the sum could select
    sum += weight;
    if (sum > target) break;
  }
  return { token, logp: (logits[token] - max) / temperature - Math.log(total) };
}
