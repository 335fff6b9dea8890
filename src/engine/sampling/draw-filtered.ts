/**
 * Sampling for serving: greedy and top-p (nucleus) draws, and the list of the most likely next tokens. With
 * top_p = 1 it calls the training sampler's `drawToken`, so that `eval` and `serve` draw the same tokens from
 * the same seed.
 * @see Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (nucleus sampling)
 * @module
 */
import { expOfNonPositive } from '../../core/exp.ts';
import { EngineError } from '../../support/errors.ts';
import type { RankedToken } from '../generation.ts';
import { drawToken } from './draw-token.ts';

export interface DrawOptions {
  /** >= 0; 0: greedy. */
  readonly temperature: number;
  /** In (0, 1]. */
  readonly topP: number;
  readonly uniform: () => number;
}

/**
 * Draws one token.
 *
 * @param logits - [V]
 * @returns the token and its log-probability in the *full* softmax at the temperature (1 for greedy draws), nats
 * @throws EngineError if a logit is NaN
 */
export function drawFiltered(
  logits: Float32Array,
  { temperature, topP, uniform }: DrawOptions,
): { readonly token: number; readonly logp: number } {
  if (temperature === 0) return likeliest(logits);
  if (topP >= 1) return drawToken(logits, temperature, uniform());
  const logp_V = logSoftmax(logits, temperature);
  const nucleus = nucleusOf(logp_V, topP);
  let total = 0;
  for (const token of nucleus) total += Math.exp(logp_V[token]);
  const target = uniform() * total;
  let sum = 0;
  let drawn = nucleus[0];
  for (const token of nucleus) {
    drawn = token;
    sum += Math.exp(logp_V[token]);
    if (sum > target) break;
  }
  return { token: drawn, logp: logp_V[drawn] };
}

/**
 * Returns the `count` most likely tokens at temperature 1 in order of decreasing probability, and the
 * log-probability of one given token, nats.
 */
export function rankTokens(
  logits: Float32Array,
  token: number,
  count: number,
): { readonly logp: number; readonly top: readonly RankedToken[] } {
  const logp_V = logSoftmax(logits, 1);
  const top: RankedToken[] = [];
  for (let v = 0; v < logp_V.length; v++) {
    const logp = logp_V[v];
    if (count === 0 || (top.length === count && logp <= top[count - 1].logp)) continue;
    let at = top.length;
    while (at > 0 && top[at - 1].logp < logp) at--;
    top.splice(at, 0, { token: v, logp });
    if (top.length > count) top.pop();
  }
  return { logp: logp_V[token], top };
}

function likeliest(logits: Float32Array): { readonly token: number; readonly logp: number } {
  let token = 0;
  for (let v = 1; v < logits.length; v++) if (logits[v] > logits[token]) token = v;
  return { token, logp: logSoftmax(logits, 1)[token] };
}

/** Computes log softmax(logits / temperature) [V] in float64. */
function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  let max = -Infinity;
  for (let v = 0; v < logits.length; v++) if (logits[v] > max) max = logits[v];
  const logp_V = new Float64Array(logits.length);
  let total = 0;
  for (let v = 0; v < logits.length; v++) {
    logp_V[v] = (logits[v] - max) / temperature;
    total += expOfNonPositive(logp_V[v]);
  }
  if (Number.isNaN(total))
    throw new EngineError(
      'engine: expected logits that are numbers, got NaN; the weights are damaged, load good ones',
    );
  const logTotal = Math.log(total);
  for (let v = 0; v < logp_V.length; v++) logp_V[v] -= logTotal;
  return logp_V;
}

/**
 * Returns the smallest set of most likely tokens with total probability >= topP, in order of id. Among
 * equally likely tokens, lower ids are chosen.
 */
function nucleusOf(logp_V: Float64Array, topP: number): number[] {
  // all tokens with a log-probability below `least` have a total probability under (1 - topP) / 2, so they
  // are never in the nucleus; without them, the whole vocabulary need not be sorted (60 ms)
  const least = Math.log((1 - topP) / (2 * logp_V.length));
  const order: number[] = [];
  for (let token = 0; token < logp_V.length; token++) if (logp_V[token] >= least) order.push(token);
  order.sort((a, b) => logp_V[b] - logp_V[a] || a - b);
  let mass = 0;
  let size = 0;
  while (size < order.length) {
    mass += Math.exp(logp_V[order[size++]]);
    if (mass >= topP) break;
  }
  return order.slice(0, size).sort((a, b) => a - b);
}
