/**
 * Geometric mixture of the policies of two models over whole messages, by importance resampling. It is used
 * when an agent's old model is replaced by a new model with another vocabulary, so that the policies cannot
 * be mixed token by token. The mixture limits the KL from the old model (Stage-0, the first step of a swap).
 * @see SAT (arXiv 2605.05216) Sec. 4; Owen and Zhou, "Safe and effective importance sampling", JASA 2000
 * @module
 */
import { effectiveSampleSize } from './acceptance.ts';
import { checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/**
 * Candidate messages for one context; half are sampled from each policy, and both policies score all of them.
 */
export interface MessageCandidates {
  /** Log-probability of each candidate's text under the new model (the replacement) [N], nats. */
  readonly logpPre_N: ArrayLike<number>;
  /** Log-probability of each candidate's text under the old model (the incumbent) [N], nats. */
  readonly logpOld_N: ArrayLike<number>;
}

/** Distribution from which one of the candidate messages is drawn. */
export interface MessageMixture {
  /** Weight of the new model in the mixture, 0..1. */
  readonly w: number;
  /** Probability of picking each candidate [N]. */
  readonly probability_N: Float64Array;
  /**
   * Estimated KL(mixture‖old) per message, nats. It is an estimate because it is computed from the N
   * candidates only.
   */
  readonly klEstimate: number;
  /** Effective sample size of the importance weights, 1..N. */
  readonly ess: number;
}

const STEPS = 60;

/**
 * Computes the mixture π_w(y) ∝ pre(y)^w old(y)^{1−w} of the new model's policy `pre` and the old model's
 * policy `old` over candidate messages y, with the largest weight w for which the estimated KL(π_w‖old) is at
 * most δ₀   (E40 with messages as actions).
 *
 * The candidates are a sample of ½pre + ½old, so the importance weight of each is pre^w old^{1−w} / (½pre +
 * ½old), which is at most 2. KL = w E_π[log pre − log old] − log(Z_w / Z_0), with Z_w the mean importance
 * weight, is exactly the KL between the resampled distributions at w and at 0. The estimate converges as N
 * grows; its error is larger where `ess` is smaller.
 *
 * @param delta0 - δ₀: KL radius per message, nats; if <= 0, the weight w is 0
 * @throws DomainError if lengths differ, there is no candidate, or a number is not finite
 */
export function messageMixture({ logpPre_N, logpOld_N }: MessageCandidates, delta0: number): MessageMixture {
  const where = 'messageMixture';
  const N = logpPre_N.length;
  checkLength(where, 'old log-probabilities', N, logpOld_N.length);
  if (N === 0) throw new DomainError(`${where}: expected at least 1 candidate, got 0`);
  for (let n = 0; n < N; n++)
    if (!Number.isFinite(logpPre_N[n]) || !Number.isFinite(logpOld_N[n]))
      throw new DomainError(
        `${where}: expected finite log-probabilities, got ${logpPre_N[n]} and ${logpOld_N[n]} for candidate ${n}`,
      );
  const at = (w: number): MessageMixture => mixtureAt({ logpPre_N, logpOld_N }, w);
  if (!(delta0 > 0)) return at(0);
  const whole = at(1);
  if (whole.klEstimate <= delta0) return whole;
  let [low, high] = [0, 1];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (at(middle).klEstimate <= delta0) low = middle;
    else high = middle;
  }
  return at(low);
}

function mixtureAt({ logpPre_N, logpOld_N }: MessageCandidates, w: number): MessageMixture {
  const weightsAt = (share: number): Float64Array =>
    Float64Array.from({ length: logpPre_N.length }, (_, n) => {
      const [pre, old] = [logpPre_N[n], logpOld_N[n]];
      const proposal = Math.max(pre, old) + Math.log1p(Math.exp(-Math.abs(pre - old))) - Math.LN2;
      return Math.exp(share * pre + (1 - share) * old - proposal);
    });
  const sum = (values: Float64Array): number => values.reduce((total, x) => total + x, 0);
  const weight_N = weightsAt(w);
  const total = sum(weight_N);
  const probability_N = weight_N.map((x) => x / total);
  const meanLogRatio = sum(probability_N.map((p, n) => p * (logpPre_N[n] - logpOld_N[n])));
  return {
    w,
    probability_N,
    klEstimate: Math.max(0, w * meanLogRatio - Math.log(total / sum(weightsAt(0)))),
    ess: effectiveSampleSize(weight_N),
  };
}
