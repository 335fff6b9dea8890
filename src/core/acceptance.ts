/**
 * Statistics of the acceptance test ("gate 2"). It compares the new team with the old one on prompts that
 * were not used to choose the update. The file contains confidence bounds on a mean of bounded values, a
 * betting test that is valid at any stopping time, and a conservative estimate of the gain from reweighted
 * rollouts of the old team.
 * @see Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS-B 2024;
 *   Maurer and Pontil, "Empirical Bernstein bounds", COLT 2009
 * @module
 */
import {
  checkFinite,
  checkInteger,
  checkLength,
  checkOpenUnit,
  checkPositive,
  checkRange,
  checkWithin,
} from './check.ts';
import { DomainError } from './errors.ts';
import { mean, sampleVariance } from './stats.ts';

/** Range [lo, hi] of the values, and failure probability of the bound. */
export interface BoundedMeanOptions {
  readonly lo: number;
  readonly hi: number;
  /** δ: one-sided failure probability. */
  readonly delta: number;
}

/**
 * Returns Hoeffding's one-sided lower bound of a mean: x̄ − (hi − lo) sqrt( ln(1/δ) / (2N) ).
 *
 * Differs from the paper, whose radius is half of this one for values in ±B. At a nominal failure probability
 * of 5% the paper's bound fails in 11 to 19% of the cases.
 *
 * @param values_N - independent values in [lo, hi], one per prompt [N]
 * @throws DomainError if the sample is empty, a value lies outside [lo, hi] or delta outside (0, 1)
 */
export function hoeffdingLower(values_N: ArrayLike<number>, { lo, hi, delta }: BoundedMeanOptions): number {
  const where = 'hoeffdingLower';
  checkBounded(where, values_N, { lo, hi, delta });
  return mean(values_N) - (hi - lo) * Math.sqrt(Math.log(1 / delta) / (2 * values_N.length));
}

/**
 * Returns the empirical Bernstein lower bound of a mean: x̄ − sqrt( 2 v ln(2/δ) / N ) − 7 (hi − lo)
 * ln(2/δ) / (3 (N − 1)), where v is the variance with divisor N − 1   (E63).
 *
 * @param values_N - independent values in [lo, hi], one per prompt [N], N >= 2
 * @returns lower bound of the mean, valid with probability 1 − δ
 * @throws DomainError if N < 2, a value lies outside [lo, hi] or delta outside (0, 1)
 */
export function empiricalBernsteinLower(
  values_N: ArrayLike<number>,
  { lo, hi, delta }: BoundedMeanOptions,
): number {
  const where = 'empiricalBernsteinLower';
  const N = values_N.length;
  checkInteger(where, 'number of values', N, 2);
  checkBounded(where, values_N, { lo, hi, delta });
  const logTerm = Math.log(2 / delta);
  return (
    mean(values_N) -
    Math.sqrt((2 * sampleVariance(values_N) * logTerm) / N) -
    (7 * (hi - lo) * logTerm) / (3 * (N - 1))
  );
}

function checkBounded(
  where: string,
  values_N: ArrayLike<number>,
  { lo, hi, delta }: BoundedMeanOptions,
): void {
  checkInteger(where, 'number of values', values_N.length, 1);
  checkRange(where, lo, hi);
  checkOpenUnit(where, 'delta', delta);
  checkWithin(where, 'values_N', values_N, { lo, hi });
}

/** Result of {@link truncatedGain}. */
export interface TruncatedGain {
  /** X_g: truncated gain of each trajectory [N], reward units. */
  readonly gain_N: Float64Array;
  /** Lower and upper bound of every X_g, reward units. */
  readonly lo: number;
  readonly hi: number;
}

/**
 * Computes a truncated importance-sampling estimate of the gain for each trajectory:
 * X_g = (min(w_g, C) − 1)(R_g − R_lo), with E[X] <= J(new) − J(old)   (E62).
 *
 * Truncation can only lower the estimate, because R − R_lo >= 0. The bound therefore needs no truncation-bias
 * term (ζ of E61) and no occupancy term.
 *
 * @param weights_N - product of the likelihood ratios of all changed agents, for each trajectory of the old team on
 *   the validation split [N], >= 0
 * @param returns_N - returns [N], reward units, within [lo, hi]
 * @param cap - truncation C >= 1; default 2 (a cap of 1 loses 12.6% of the weights' mass at a message KL of
 *   0.05)
 * @throws DomainError if lengths differ, a weight is negative, a return lies outside its range or cap < 1
 */
export function truncatedGain(
  weights_N: ArrayLike<number>,
  returns_N: ArrayLike<number>,
  { lo, hi, cap = 2 }: { readonly lo: number; readonly hi: number; readonly cap?: number },
): TruncatedGain {
  const where = 'truncatedGain';
  if (!(cap >= 1)) throw new DomainError(`${where}: expected cap >= 1, got ${cap}`);
  checkLength(where, 'returns', weights_N.length, returns_N.length);
  checkRange(where, lo, hi);
  checkWithin(where, 'returns_N', returns_N, { lo, hi });
  const truncated_N = truncatedWeights(where, weights_N, cap);
  const gain_N = truncated_N.map((w, n) => (w - 1) * (returns_N[n] - lo));
  return { gain_N, lo: lo - hi, hi: (cap - 1) * (hi - lo) };
}

/** Result of {@link truncationBias}. */
export interface TruncationBias {
  /** Estimate of the bias: F (1 − mean min(w, C)), reward units. */
  readonly plugIn: number;
  /**
   * Upper bound of the bias, valid with probability 1 − δ, reward units: the mean is replaced by its lower
   * bound of E63.
   */
  readonly upper: number;
}

/**
 * Bounds the bias from truncating the weights at C: ζ = F (1 − E[min(w, C)]) is at least
 * |E[w f] − E[min(w, C) f]| for any f with |f| <= F and weights with E[w] = 1   (E61).
 *
 * @param weights_N - weights with mean 1 [N], >= 0, N >= 2
 * @param options.bound - F: bound on |f|, reward units, >= 0
 * @param options.delta - δ of the lower bound, in (0, 1)
 * @param options.cap - truncation C > 0, default 2
 * @throws DomainError if there are fewer than two weights, one is negative, or an option is out of range
 */
export function truncationBias(
  weights_N: ArrayLike<number>,
  { bound, delta, cap = 2 }: { readonly bound: number; readonly delta: number; readonly cap?: number },
): TruncationBias {
  const where = 'truncationBias';
  if (!(bound >= 0 && Number.isFinite(bound)))
    throw new DomainError(`${where}: expected bound >= 0, got ${bound}`);
  const truncated_N = truncatedWeights(where, weights_N, cap);
  const lower = empiricalBernsteinLower(truncated_N, { lo: 0, hi: cap, delta });
  return { plugIn: bound * (1 - mean(truncated_N)), upper: bound * (1 - lower) };
}

function truncatedWeights(where: string, weights_N: ArrayLike<number>, cap: number): Float64Array {
  checkPositive(where, 'cap', cap);
  return Float64Array.from(weights_N, (w, n) => {
    if (!(w >= 0)) throw new DomainError(`${where}: expected weights_N[${n}] >= 0, got ${w}`);
    return Math.min(w, cap);
  });
}

/**
 * Returns the effective sample size (Σ w)² / Σ w²: the number of equally weighted trajectories whose mean has
 * the same variance   (E66).
 *
 * @returns effective sample size, 0..N; 0 if every weight is 0
 * @throws DomainError if a weight is not finite
 *
 * @example
 * effectiveSampleSize([1, 1, 0]); // => 2
 */
export function effectiveSampleSize(weights_N: ArrayLike<number>): number {
  checkFinite('effectiveSampleSize', 'weights_N', weights_N);
  let sum = 0;
  let squares = 0;
  for (let n = 0; n < weights_N.length; n++) {
    sum += weights_N[n];
    squares += weights_N[n] ** 2;
  }
  return squares === 0 ? 0 : sum ** 2 / squares;
}

/**
 * Returns the error probability of the k-th test: α_k = α · 6 / (π² k²) / m. All tests together spend at most
 * α   (E64).
 *
 * @param alpha - total probability of a false acceptance, 0..1
 * @param k - 1 for the first test
 * @param tests - m: number of tests that share one k, such as the agents' steps of one stage; default 1
 * @throws DomainError if alpha is outside (0, 1) or k or tests is not a positive integer
 */
export function alphaSpending(alpha: number, k: number, tests = 1): number {
  checkOpenUnit('alphaSpending', 'alpha', alpha);
  checkInteger('alphaSpending', 'k', k, 1);
  checkInteger('alphaSpending', 'tests', tests, 1);
  return (alpha * 6) / (Math.PI ** 2 * k ** 2 * tests);
}

/** Options of {@link createBettingTest}. */
export interface BettingOptions {
  /** α: probability of accepting although E[D] <= 0. */
  readonly alpha: number;
  /** Bounds of every difference, lo < 0 < hi, reward units. */
  readonly lo: number;
  readonly hi: number;
  /** Planned number of observations, at which the test rejects. Absent: the test has no end. */
  readonly nPlan?: number;
  /** Largest share of the wealth that a single observation can cost, 0 < c < 1. Default 1/2. */
  readonly c?: number;
}

/** State of the test after one observation. */
export interface BettingStep {
  /** Wealth after this observation. If E[D] <= 0, the wealth is a supermartingale that starts at 1. */
  readonly wealth: number;
  /** λ_t: the bet, fixed before this observation. */
  readonly lam: number;
  /** Decision after this observation; it never changes once it is defined. */
  readonly decided: 'accept' | 'reject' | undefined;
}

/** A betting test that is in progress. */
export interface BettingTest {
  /**
   * Adds the next difference, in the order of observation.
   *
   * @param difference - new minus old, reward units
   * @throws DomainError if the difference lies outside [lo, hi]
   */
  observe(difference: number): BettingStep;
}

/**
 * Creates a betting test of the hypothesis E[D] <= 0. Each difference D updates the wealth:
 * wealth ← wealth · (1 + λ_t (y_t − m)), with y = (D − lo)/(hi − lo), m = −lo/(hi − lo), λ_t = min( sqrt(2
 * ln(1/α) / (v_{t−1} h_t)), c/m ) and h_t = N_plan or t ln(1 + t)   (E64).
 *
 * The test accepts as soon as the wealth reaches 1/α and rejects at N_plan. The variance estimate starts from one
 * pseudo-observation with mean 1/2 and variance 1/4. The probability of a wrong acceptance is at most α at *any*
 * stopping time. The prompts must not have been used to choose the update. The unit of independence is the prompt:
 * average the G rollouts of a prompt before `observe`.
 *
 * @throws DomainError if alpha or c is outside (0, 1), not lo < 0 < hi, or nPlan is not a positive integer
 */
export function createBettingTest({ alpha, lo, hi, nPlan, c = 0.5 }: BettingOptions): BettingTest {
  const where = 'createBettingTest';
  checkOpenUnit(where, 'alpha', alpha);
  checkOpenUnit(where, 'c', c);
  checkRange(where, lo, hi);
  if (!(lo < 0 && hi > 0)) throw new DomainError(`${where}: expected lo < 0 < hi, got lo ${lo} and hi ${hi}`);
  if (nPlan !== undefined) checkInteger(where, 'nPlan', nPlan, 1);

  const m = -lo / (hi - lo);
  let wealth = 1;
  let count = 0;
  let sum = 1 / 2;
  let squares = 1 / 4;
  let decided: BettingStep['decided'];
  return {
    observe(difference) {
      checkWithin('BettingTest.observe', 'difference', [difference], { lo, hi });
      const variance = squares / (count + 1);
      const t = count + 1;
      const horizon = nPlan ?? t * Math.log1p(t);
      const lam = Math.min(Math.sqrt((2 * Math.log(1 / alpha)) / (variance * horizon)), c / m);
      const y = (difference - lo) / (hi - lo);
      wealth *= 1 + lam * (y - m);
      count = t;
      sum += y;
      squares += (y - sum / (count + 1)) ** 2;
      if (decided === undefined)
        decided =
          wealth >= 1 / alpha ? 'accept' : nPlan !== undefined && count >= nPlan ? 'reject' : undefined;
      return { wealth, lam, decided };
    },
  };
}
