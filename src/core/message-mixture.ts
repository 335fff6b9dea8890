/**
 * The geometric mixture of two policies over whole messages, by importance resampling: what is left of
 * Stage-0 where the two share no vocabulary, so that no token of one is a token of the other.
 * @see SAT (arXiv 2605.05216) Sec. 4; Owen and Zhou, "Safe and effective importance sampling", JASA 2000
 * @module
 */
import { effectiveSampleSize } from './acceptance.ts';
import { checkLength } from './check.ts';
import { DomainError } from './errors.ts';

/** Candidate messages for one context: half drawn from each policy, scored by both. */
export interface MessageCandidates {
  /** log-probability of each candidate's text under the upgrade [N], nats. */
  readonly logpPre_N: ArrayLike<number>;
  /** Under the current policy [N], nats. */
  readonly logpOld_N: ArrayLike<number>;
}

export interface MessageMixture {
  /** Weight of the upgrade, 0..1. */
  readonly w: number;
  /** Probability of picking each candidate [N]. */
  readonly probability_N: Float64Array;
  /** Estimate of KL(mixture‖old) per message, nats: of the resampled distribution, not exact. */
  readonly klEstimate: number;
  /** Of N candidates, how many the weights are worth, 1..N. */
  readonly ess: number;
}

const STEPS = 60;

/**
 * π_w(y) ∝ pre(y)^w old(y)^{1−w} over messages, with the largest w whose estimated KL(π_w‖old) stays within
 * δ₀   (E40 with messages for actions).
 *
 * Candidates come from ½pre + ½old, so each has the weight pre^w old^{1−w} / (½pre + ½old), which is at most
 * 2: none runs away. KL = w E_π[log pre − log old] − log(Z_w / Z_0)
 * with Z_w the mean weight: exactly that between the resampled distributions at w and at 0. Exact as N grows;
 * an estimate with finitely many, and the smaller `ess`, the worse.
 *
 * @param delta0 - δ₀ per message, nats
 * @throws DomainError if lengths differ, there is no candidate, or a number is not finite
 */
export function messageMixture({ logpPre_N, logpOld_N }: MessageCandidates, delta0: number): MessageMixture {
  const where = 'messageMixture';
  const N = logpPre_N.length;
  checkLength(where, 'current log-probabilities', N, logpOld_N.length);
  if (N === 0) throw new DomainError(`${where}: expected at least 1 candidate, got 0`);
  for (let n = 0; n < N; n++)
    if (!Number.isFinite(logpPre_N[n]) || !Number.isFinite(logpOld_N[n]))
      throw new DomainError(
        `${where}: expected finite log-probabilities, got ${logpPre_N[n]} and ${logpOld_N[n]} for candidate ${n}`,
      );
  const at = (w: number): MessageMixture => mixtureAt({ logpPre_N, logpOld_N }, w);
  if (!(delta0 > 0)) return at(0);
  const arrived = at(1);
  if (arrived.klEstimate <= delta0) return arrived;
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
