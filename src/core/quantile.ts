/**
 * Empirical quantiles of per-state divergences, which the trust region limits, and two upper confidence
 * bounds of the true quantile.
 * @see Massart 1990 (DKW); David and Nagaraja, "Order Statistics", Sec. 7.1
 * @module
 */
import { checkFinite, checkInteger, checkOpenUnit } from './check.ts';
import { DomainError } from './errors.ts';

/** Tolerance for rounding errors in the product N·p of sample size and level, which determines a rank. */
const ROUNDING = 1e-12;

/**
 * Returns the empirical quantile x_(k) at level p: the k-th smallest of N values, with k = ceil(N p − 1e-12)
 * clamped to [1, N]   (E32).
 *
 * This is the inverse of the empirical distribution function, so the result is always a value of the sample.
 * NumPy's default method interpolates instead.
 *
 * @param values_N - sample [N], N >= 1, finite
 * @param level - p, 0 <= p <= 1
 * @throws DomainError if the sample is empty or not finite, or the level is outside [0, 1]
 *
 * @example
 * inverseCdfQuantile([4, 1, 3, 2], 0.5); // => 2
 */
export function inverseCdfQuantile(values_N: ArrayLike<number>, level: number): number {
  const sorted = sortedSample('inverseCdfQuantile', values_N);
  checkLevel('inverseCdfQuantile', level);
  const k = Math.ceil(sorted.length * level - ROUNDING);
  return sorted[Math.max(1, Math.min(sorted.length, k)) - 1];
}

/**
 * Returns the interpolated quantile x_(j) + (h − j)(x_(j+1) − x_(j)), with h = (N − 1) p and j = ⌊h⌋, where p
 * is the level and x_(0), x_(1), ... are the N values in ascending order. This is NumPy's default method, for
 * comparison with tools that report it. No acceptance decision uses it.
 *
 * @throws DomainError as for {@link inverseCdfQuantile}
 */
export function linearQuantile(values_N: ArrayLike<number>, level: number): number {
  const sorted = sortedSample('linearQuantile', values_N);
  checkLevel('linearQuantile', level);
  const position = (sorted.length - 1) * level;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
}

/** Level of a quantile and failure probability of its upper bound. */
export interface UpperBoundOptions {
  /** α: the bound is for the (1 − α)-quantile. */
  readonly alpha: number;
  /** η: probability that the bound is below the true quantile. */
  readonly eta: number;
}

/**
 * Returns the radius of the Dvoretzky–Kiefer–Wolfowitz (DKW) inequality, ε = sqrt( ln(s/η) / (2N) ), with s =
 * 1 for a one-sided and 2 for a two-sided bound, N the sample size and η the failure probability. The radius
 * bounds the distance of the empirical distribution function from the true one. The radius is a
 * *probability*, so it must not be added to a KL in nats   (E33).
 *
 * @throws DomainError if N is not a positive integer or eta is outside (0, 1)
 */
export function dkwEpsilon(N: number, eta: number, { sides = 1 }: { readonly sides?: 1 | 2 } = {}): number {
  checkInteger('dkwEpsilon', 'N', N, 1);
  checkOpenUnit('dkwEpsilon', 'eta', eta);
  return Math.sqrt(Math.log(sides / eta) / (2 * N));
}

/**
 * Returns an upper confidence bound of the (1 − α)-quantile: the empirical quantile at level
 * 1 − α + sqrt(ln(1/η)/(2N))   (E33).
 *
 * Differs from the paper, which adds the DKW radius, a probability, to the KL radius.
 *
 * @param values_N - independent values, one per trajectory, not per token [N]
 * @returns the bound, with confidence 1 − η; undefined if the level exceeds 1
 * @throws DomainError if the sample is empty or not finite, or alpha or eta is outside (0, 1)
 */
export function dkwUpperBound(
  values_N: ArrayLike<number>,
  { alpha, eta }: UpperBoundOptions,
): number | undefined {
  checkOpenUnit('dkwUpperBound', 'alpha', alpha);
  checkInteger('dkwUpperBound', 'sample size', values_N.length, 1);
  const level = 1 - alpha + dkwEpsilon(values_N.length, eta);
  return level > 1 ? undefined : inverseCdfQuantile(values_N, level);
}

/**
 * Returns an upper confidence bound of the (1 − α)-quantile: the k-th smallest of N values, with the smallest
 * k such that P(Bin(N, 1−α) <= k−1) >= 1 − η   (E34).
 *
 * The bound is exact and distribution-free. At α = 0.01 and η = 0.05 it needs 299 values; {@link
 * dkwUpperBound} needs 14,979.
 *
 * @param values_N - independent values, one per trajectory, not per token [N]
 * @returns rank k (1-based) and the bound; undefined if no rank reaches the confidence
 * @throws DomainError if the sample is empty or not finite, or alpha or eta is outside (0, 1)
 */
export function orderStatisticUpperBound(
  values_N: ArrayLike<number>,
  { alpha, eta }: UpperBoundOptions,
): { readonly rank: number; readonly value: number } | undefined {
  const where = 'orderStatisticUpperBound';
  checkOpenUnit(where, 'alpha', alpha);
  checkOpenUnit(where, 'eta', eta);
  const sorted = sortedSample(where, values_N);
  const N = sorted.length;
  // P(Bin(N, 1−α) <= k−1) >= 1−η is equivalent to P(F <= N−k) <= η, where F ~ Bin(N, α) is the number of
  // values above the quantile
  const logOdds = Math.log(alpha) - Math.log1p(-alpha);
  let logTerm = N * Math.log1p(-alpha);
  let logTail = logTerm;
  let above = -1;
  while (logTail <= Math.log(eta) + ROUNDING && above < N - 1) {
    above++;
    logTerm += Math.log((N - above) / (above + 1)) + logOdds;
    logTail = logAdd(logTail, logTerm);
  }
  return above < 0 ? undefined : { rank: N - above, value: sorted[N - above - 1] };
}

/** Returns the smallest N for which {@link dkwUpperBound} is defined: ln(1/η) / (2α²), rounded up. */
export function dkwMinimumSize({ alpha, eta }: UpperBoundOptions): number {
  checkOpenUnit('dkwMinimumSize', 'alpha', alpha);
  checkOpenUnit('dkwMinimumSize', 'eta', eta);
  return Math.ceil(-Math.log(eta) / (2 * alpha * alpha) - ROUNDING);
}

/**
 * Returns the smallest N for which {@link orderStatisticUpperBound} is defined: ln η / ln(1−α), rounded up.
 */
export function orderStatisticMinimumSize({ alpha, eta }: UpperBoundOptions): number {
  checkOpenUnit('orderStatisticMinimumSize', 'alpha', alpha);
  checkOpenUnit('orderStatisticMinimumSize', 'eta', eta);
  return Math.ceil(Math.log(eta) / Math.log1p(-alpha) - ROUNDING);
}

/** Returns log(eᵃ + eᵇ). */
function logAdd(a: number, b: number): number {
  const high = Math.max(a, b);
  return high === -Infinity ? high : high + Math.log1p(Math.exp(Math.min(a, b) - high));
}

function sortedSample(where: string, values_N: ArrayLike<number>): Float64Array {
  checkInteger(where, 'sample size', values_N.length, 1);
  checkFinite(where, 'values_N', values_N);
  return Float64Array.from(values_N).sort();
}

function checkLevel(where: string, level: number): void {
  if (!(level >= 0 && level <= 1)) throw new DomainError(`${where}: expected level in [0, 1], got ${level}`);
}
