/**
 * Statistics of the acceptance test (called "gate 2" in the documentation). The test compares the team after
 * an update with the team before it, on prompts that were not used to choose the update. The file contains
 * confidence bounds on a mean of bounded values, a betting test that is valid at any stopping time, and a
 * conservative estimate of the gain from reweighted rollouts of the old team.
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
 * Returns Hoeffding's one-sided lower bound of a mean: x̄ − (hi − lo) sqrt( ln(1/δ) / (2N) ), where x̄ is the
 * mean of the N values in [lo, hi] and δ the failure probability.
 *
 * Differs from the paper: for values in [−B, B], the paper subtracts half of this radius. At a nominal
 * failure probability of 5% the paper's bound fails in 11 to 19% of the cases.
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
 * Returns the empirical Bernstein lower bound of a mean: x̄ − sqrt( 2 v ln(2/δ) / N ) − 7 (hi − lo) ln(2/δ) /
 * (3 (N − 1)), where x̄ is the mean and v the variance (divisor N − 1) of the N values in [lo, hi], and δ is
 * the failure probability   (E63).
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
 * Computes a truncated importance-sampling estimate of the gain for each trajectory: X_g = (min(w_g, C) −
 * 1)(R_g − R_lo). Here w_g is the trajectory's importance weight, C the truncation, R_g its return and R_lo
 * the lowest possible return. Its expectation is at most the true gain: E[X] <= J(new) − J(old)   (E62).
 *
 * Truncation can only lower the estimate, because R − R_lo >= 0. A lower bound computed from X therefore
 * needs no correction for the bias from truncation (ζ of E61) or for the changed state distribution.
 *
 * @param weights_N - product of the likelihood ratios of all changed agents, for each trajectory of the old team on
 *   the validation split [N], >= 0
 * @param returns_N - returns [N], reward units, within [lo, hi]
 * @param cap - truncation C >= 1; default 2 (at a KL of 0.05 nats per message, a cap of 1 lowers the mean
 *   weight by 12.6%)
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
  /**
   * Estimate of the bias: F (1 − mean of min(w, C)), reward units, where F bounds the weighted values, w are
   * the weights and C is the truncation.
   */
  readonly plugIn: number;
  /**
   * Upper bound of the bias, valid with probability 1 − δ, reward units. It is F (1 − L), where L is the
   * empirical Bernstein lower bound (E63) of the mean of min(w, C).
   */
  readonly upper: number;
}

/**
 * Bounds the bias from truncating the weights at C: ζ = F (1 − E[min(w, C)]) is at least
 * |E[w f] − E[min(w, C) f]| for any f with |f| <= F and weights with E[w] = 1   (E61).
 *
 * @param weights_N - weights with mean 1 [N], >= 0, N >= 2
 * @param options.bound - F: bound on |f|, reward units, >= 0
 * @param options.delta - δ: probability that the upper bound of the bias fails, in (0, 1)
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
 * Returns the permitted probability of a false acceptance of the k-th acceptance test: α_k = α · 6 / (π² k²)
 * / m. The sum over all tests is at most α   (E64).
 *
 * @param alpha - α: permitted probability of at least one false acceptance in all tests, 0..1
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
  /**
   * α: upper bound on the probability of a false acceptance, i.e. of accepting although the expected
   * difference E[D] (new minus old reward) is <= 0.
   */
  readonly alpha: number;
  /** Lower and upper bound of every difference (new minus old reward), lo < 0 < hi, reward units. */
  readonly lo: number;
  readonly hi: number;
  /**
   * Planned number of observations. If the test has not accepted by then, its decision is `reject`. Absent:
   * the test never rejects, and continues until it accepts.
   */
  readonly nPlan?: number;
  /**
   * Largest share of the wealth (the test statistic, see {@link createBettingTest}) that a single observation
   * can cost, 0 < c < 1. Default 1/2.
   */
  readonly c?: number;
}

/** State of the test after one observation. */
export interface BettingStep {
  /**
   * Wealth (test statistic) after this observation. It starts at 1, and is a supermartingale if the expected
   * difference is <= 0.
   */
  readonly wealth: number;
  /**
   * λ_t: the bet, i.e. the factor that determines how much this observation changes the wealth; computed from
   * the preceding observations only.
   */
  readonly lam: number;
  /** Decision after this observation; it never changes once it is defined. */
  readonly decided: 'accept' | 'reject' | undefined;
}

/** A betting test that is in progress. */
export interface BettingTest {
  /**
   * Adds the next difference and updates the wealth and the decision.
   *
   * @param difference - reward of the new team minus reward of the old team on one prompt, reward units
   * @throws DomainError if the difference lies outside [lo, hi]
   */
  observe(difference: number): BettingStep;
}

/**
 * Creates a betting test of the hypothesis E[D] <= 0, where D is the reward difference (new minus old) on a
 * prompt. Each D updates the test statistic, the wealth: wealth ← wealth · (1 + λ_t (y_t − m)), with y = (D −
 * lo)/(hi − lo), m = −lo/(hi − lo) and the bet λ_t = min( sqrt(2 ln(1/α) / (v_{t−1} h_t)), c/m ). Here
 * v_{t−1} is the variance of the preceding y, and h_t is the planned number of observations N_plan, or t ln(1
 * + t) without a plan   (E64).
 *
 * The test accepts as soon as the wealth reaches 1/α, and rejects if it has not accepted after N_plan
 * observations. The variance estimate starts from one pseudo-observation with mean 1/2 and variance 1/4. The
 * probability of a wrong acceptance is at most α at *any* stopping time. The prompts must not have been used
 * to choose the update. The unit of independence is the prompt: average the differences of a prompt's
 * rollouts before calling `observe`.
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
