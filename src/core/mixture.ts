/**
 * Geometric mixture π_w ∝ pre^w old^{1−w} of the next-token distributions `pre` of an agent's new model (the
 * replacement) and `old` of its old model (the incumbent), and the largest step of the weight w within a KL
 * radius. A swap starts with one step from w = 0 (Stage-0, the projection onto the trust region). The
 * handover from the old to the new model is a sequence of such steps. Results are computed in float64 from
 * log-probabilities, with a few passes over the vocabulary.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Plug-and-play upgrades"
 * @module
 */
import { checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/**
 * Log of the floor of the new model's probabilities `pre`. If the probability of a token were 0, the KL of
 * the mixture from the old model would be discontinuous at the weight w = 0.
 */
const LOG_FLOOR = Math.log(1e-9);
/**
 * Relative tolerance of the search for the mixture weight. The search ends when the KL lies below the radius
 * by at most this share of the radius.
 */
const TIGHTNESS = 1e-12;
/** Bound on the rounding error of a KL between nearly equal policies, nats. */
const ROUNDING = 1e-15;
/** Maximum number of iterations. Newton's method needs about 4; the bisection that replaces it needs more. */
const MAX_STEPS = 200;

/** Next-token log-probabilities of the new model (`pre`) and the old model (`old`) after the same prefix. */
export interface MixturePair {
  /** Log-probabilities of the new model, floored at log 1e-9 and renormalised [V], nats. */
  readonly logpPre_V: Float64Array;
  /** Log-probabilities of the old model, normalised [V], nats; −Infinity is probability 0. */
  readonly logpOld_V: Float64Array;
}

/**
 * Creates the input of the functions below from the log-probabilities of both policies.
 *
 * @param logpPre_V - log-probabilities of the new model (the replacement) [V], nats
 * @param logpOld_V - log-probabilities of the old model (the incumbent) [V], nats
 * @throws DomainError if the vocabularies differ in size
 */
export function mixturePair(logpPre_V: ArrayLike<number>, logpOld_V: ArrayLike<number>): MixturePair {
  checkLength('mixturePair', 'old log-probabilities', logpPre_V.length, logpOld_V.length);
  const floored = new Float64Array(logpPre_V.length);
  let total = 0;
  for (let v = 0; v < floored.length; v++) {
    floored[v] = Math.max(logpPre_V[v], LOG_FLOOR);
    total += Math.exp(floored[v]);
  }
  const logTotal = Math.log(total);
  for (let v = 0; v < floored.length; v++) floored[v] -= logTotal;
  return { logpPre_V: floored, logpOld_V: Float64Array.from(logpOld_V) };
}

/**
 * Returns the log-probabilities of the mixture π_w ∝ pre^w old^{1−w}   (E40). At w = 1 it is exactly log pre.
 * At w < 1, π_w is 0 where `old` is 0.
 *
 * @param w - weight of the new model, 0..1
 * @returns log-probabilities [V], nats
 */
export function mixtureLogp({ logpPre_V, logpOld_V }: MixturePair, w: number): Float64Array {
  if (w === 1) return logpPre_V.slice();
  if (w === 0) return logpOld_V.slice();
  const mixed = new Float64Array(logpPre_V.length);
  let max = -Infinity;
  for (let v = 0; v < mixed.length; v++) {
    mixed[v] = w * logpPre_V[v] + (1 - w) * logpOld_V[v];
    if (mixed[v] > max) max = mixed[v];
  }
  let total = 0;
  for (let v = 0; v < mixed.length; v++) total += Math.exp(mixed[v] - max);
  const logZ = max + Math.log(total);
  for (let v = 0; v < mixed.length; v++) mixed[v] -= logZ;
  return mixed;
}

/**
 * Returns the largest weight w in [from, 1] for which the mixture π_w ∝ pre^w old^{1−w} satisfies
 * KL(π_w‖π_from) <= δ   (E41; Stage-0 is the case `from` = 0).
 *
 * The KL increases in w: with u = log(pre/old), dKL/dw = (w − from) Var_{π_w}(u). Newton's method is applied
 * to √KL, which is nearly linear in w, within a bracket. The result is the lower end of the bracket, which
 * always satisfies the constraint.
 *
 * @param from - weight of the policy at the centre of the KL ball, 0..1
 * @param delta - δ: radius of the KL ball, nats; if <= 0, the result is `from`
 * @returns weight of the new model, from..1
 * @throws DomainError if delta is NaN or `from` is outside [0, 1]
 */
export function mixtureWeight(pair: MixturePair, from: number, delta: number): number {
  if (Number.isNaN(delta)) throw new DomainError('mixtureWeight: expected delta in nats, got NaN');
  if (!(from >= 0 && from <= 1)) throw new DomainError(`mixtureWeight: expected from in 0..1, got ${from}`);
  if (!(delta > 0) || from === 1) return from;
  const line = new MixtureLine(pair, from);
  const limit = delta - ROUNDING;
  if (!line.hasHoles && line.at(1).kl <= limit) return 1;
  const aim = limit * (1 - TIGHTNESS / 2);
  let low = from;
  let high = 1;
  let guess = from + Math.sqrt((2 * delta) / line.at(from).variance);
  for (let step = 0; step < MAX_STEPS; step++) {
    const w = guess > low && guess < high ? guess : (low + high) / 2;
    if (w <= low || w >= high) break; // no float64 lies strictly between the ends of the bracket
    const { kl, variance } = line.at(w);
    if (kl <= limit) low = w;
    else high = w;
    if (kl <= limit && kl >= limit * (1 - TIGHTNESS)) break;
    const slope = ((w - from) * variance) / (2 * Math.sqrt(kl));
    guess = w + (Math.sqrt(aim) - Math.sqrt(kl)) / slope;
  }
  return low;
}

/**
 * Computes KL(π_w‖π_from) and the variance of the log-ratio u = log(pre/old) under the mixture π_w, as
 * functions of the weight w. An evaluation passes over the vocabulary twice.
 */
class MixtureLine {
  /**
   * True if the old model's probability of some token is 0. The new model's probability is positive
   * everywhere, so KL(pre‖old) is then infinite.
   */
  readonly hasHoles: boolean;
  readonly #u_V: Float64Array;
  readonly #logpFrom_V: Float64Array;
  readonly #from: number;

  constructor(pair: MixturePair, from: number) {
    this.#from = from;
    this.hasHoles = pair.logpOld_V.includes(-Infinity);
    this.#logpFrom_V = mixtureLogp(pair, from);
    // where `old` is 0, every mixture with w < 1 is 0 too, so the value of u at this token has no effect
    this.#u_V = new Float64Array(pair.logpPre_V.length);
    for (let v = 0; v < this.#u_V.length; v++)
      this.#u_V[v] = pair.logpOld_V[v] === -Infinity ? 0 : pair.logpPre_V[v] - pair.logpOld_V[v];
  }

  at(w: number): { readonly kl: number; readonly variance: number } {
    const [u_V, logpFrom_V, dw] = [this.#u_V, this.#logpFrom_V, w - this.#from];
    let max = -Infinity;
    for (let v = 0; v < u_V.length; v++) {
      const z = logpFrom_V[v] + dw * u_V[v];
      if (z > max) max = z;
    }
    let total = 0;
    let first = 0;
    let second = 0;
    for (let v = 0; v < u_V.length; v++) {
      const p = Math.exp(logpFrom_V[v] + dw * u_V[v] - max);
      total += p;
      first += p * u_V[v];
      second += p * u_V[v] * u_V[v];
    }
    const mean = first / total;
    return {
      kl: Math.max(0, dw * mean - max - Math.log(total)),
      variance: Math.max(0, second / total - mean * mean),
    };
  }
}

/**
 * KL radii δ_k of the steps of the mixture from the old model towards the new model, nats. The first step
 * starts at the old model (w = 0).
 */
export type MixtureSteps = readonly number[];

/**
 * Returns the mixture weight after the last step. w_0 is 0, and w_k is the largest weight of step k with
 * KL(π_{w_k}‖π_{w_{k−1}}) <= δ_k   (E41, repeated).
 *
 * @returns weight of the new model in the mixture, 0..1
 */
export function weightAfterSteps(pair: MixturePair, steps: MixtureSteps): number {
  return steps.reduce((w, delta) => mixtureWeight(pair, w, delta), 0);
}
