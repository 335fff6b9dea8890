/**
 * The geometric mixture π_w ∝ pre^w old^{1−w} at one token state, and how far a policy may move along it:
 * Stage-0 is one step from w = 0, a handover several. In float64, from log-probabilities, with a handful of
 * passes over the vocabulary.
 * @see SAT (arXiv 2605.05216) Sec. 4 "Plug-and-play upgrades"
 * @module
 */
import { checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** `pre` is floored here: with pre(a) = 0 the KL would jump at w = 0. */
const LOG_FLOOR = Math.log(1e-9);
/** A radius is used up when so much of it is: KL is never above it, and no closer is worth a pass. */
const TIGHTNESS = 1e-12;
/** What a KL is off by where policies hardly differ: the rounding of a sum that is 1. */
const ROUNDING = 1e-15;
/** Newton needs about 4; bisection, which it falls back on, halves the rest. */
const MAX_STEPS = 200;

/** Two policies at one state, ready to be mixed. */
export interface MixturePair {
  /** log pre, floored at 1e-9 and renormalised [V], nats. */
  readonly logpPre_V: Float64Array;
  /** log old, normalised [V], nats; minus infinity is probability 0. */
  readonly logpOld_V: Float64Array;
}

/**
 * @param logpPre_V - the upgrade's log-probabilities [V], nats
 * @param logpOld_V - the current policy's [V], nats
 * @throws DomainError if the vocabularies differ in size
 */
export function mixturePair(logpPre_V: ArrayLike<number>, logpOld_V: ArrayLike<number>): MixturePair {
  checkLength('mixturePair', 'current log-probabilities', logpPre_V.length, logpOld_V.length);
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
 * log π_w   (E40). At w = 1 exactly log pre; below, 0 where old is.
 *
 * @param w - weight of the upgrade, 0..1
 * @returns [V], nats
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
 * The largest w in [from, 1] with KL(π_w‖π_from) <= δ   (E41; `from` = 0 is Stage-0).
 *
 * KL rises in w: with u = log(pre/old), dKL/dw = (w − from) Var_{π_w}(u). Newton's step is taken on √KL,
 * which is nearly a straight line, inside a bracket whose low end always satisfies the constraint and is
 * what is returned.
 *
 * @param from - weight of the policy that is the centre, 0..1
 * @param delta - δ, nats; <= 0: no move
 * @throws DomainError if an argument is not a number
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
    if (w <= low || w >= high) break; // the bracket is as narrow as numbers are
    const { kl, variance } = line.at(w);
    if (kl <= limit) low = w;
    else high = w;
    if (kl <= limit && kl >= limit * (1 - TIGHTNESS)) break;
    const slope = ((w - from) * variance) / (2 * Math.sqrt(kl));
    guess = w + (Math.sqrt(aim) - Math.sqrt(kl)) / slope;
  }
  return low;
}

/** KL(π_w‖π_from) and Var_{π_w}(u) along the line, one pass over the vocabulary each. */
class MixtureLine {
  /** Whether old rules out something pre does not: KL(pre‖old) is then infinite. */
  readonly hasHoles: boolean;
  readonly #u_V: Float64Array;
  readonly #logpFrom_V: Float64Array;
  readonly #from: number;

  constructor(pair: MixturePair, from: number) {
    this.#from = from;
    this.hasHoles = pair.logpOld_V.includes(-Infinity);
    this.#logpFrom_V = mixtureLogp(pair, from);
    // where old is 0 so is every mixture below w = 1, and nothing depends on u
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

/** A policy on its way from `old` to `pre`: the radii of the steps it has taken, the first from w = 0. */
export type MixtureSteps = readonly number[];

/**
 * The weight after every step, each from where the last one ended: w_k is the largest with
 * KL(π_{w_k}‖π_{w_{k−1}}) <= δ_k   (E41, repeated).
 */
export function weightAfterSteps(pair: MixturePair, steps: MixtureSteps): number {
  return steps.reduce((w, delta) => mixtureWeight(pair, w, delta), 0);
}
