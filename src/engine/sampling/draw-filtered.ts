/**
 * Draws that only serving needs: greedy, and from the nucleus (top-p); and the likeliest tokens of a state.
 * A draw that filters nothing is the sampler's own, so that equal seeds say equal things in `eval` and `serve`.
 * @see Holtzman et al., "The curious case of neural text degeneration", ICLR 2020 (nucleus sampling)
 * @module
 */
import { expOfNonPositive } from '../../core/exp.ts';
import { EngineError } from '../../support/errors.ts';
import type { RankedToken } from '../generation.ts';
import { drawToken } from './draw-token.ts';

export interface DrawOptions {
  /** >= 0; 0: the likeliest token. */
  readonly temperature: number;
  /** In (0, 1]. */
  readonly topP: number;
  readonly uniform: () => number;
}

/**
 * @param logits - [V]
 * @returns the token and its log-probability in the *full* softmax at the temperature (at 1 where it is 0), nats
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

/** The `count` likeliest tokens at temperature 1 in falling order, and the log-probability of one token. */
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

/** log softmax(logits / temperature) [V], float64. */
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

/** Fewest likeliest tokens with probability >= topP together, never none; of equals the lowest ids, in order of id. */
function nucleusOf(logp_V: Float64Array, topP: number): number[] {
  // those below, all together, are less than what may be left out: sorting a whole vocabulary takes 60 ms
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
