/**
 * Statistics of evaluations: means, confidence intervals and pass@k. The unit of independence is the prompt,
 * so callers average the samples of each prompt first.
 * @see Chen et al., "Evaluating large language models trained on code", arXiv 2107.03374 (pass@k)
 * @module
 */
import { checkFinite, checkInteger, checkOpenUnit } from './check.ts';
import { DomainError } from './errors.ts';
import { linearQuantile } from './quantile.ts';
import type { RandomStream } from './rng.ts';
import { normalQuantile, studentQuantile } from './special.ts';

/**
 * Returns the mean x̄ = (1/N) Σ x_n.
 *
 * @throws DomainError if the sample is empty
 */
export function mean(values_N: ArrayLike<number>): number {
  checkInteger('mean', 'sample size', values_N.length, 1);
  let sum = 0;
  for (let n = 0; n < values_N.length; n++) sum += values_N[n];
  return sum / values_N.length;
}

/**
 * Returns the sample variance s² = Σ (x_n − x̄)² / (N − 1), an unbiased estimate of the population's
 * variance.
 *
 * @throws DomainError if N < 2
 */
export function sampleVariance(values_N: ArrayLike<number>): number {
  checkInteger('sampleVariance', 'sample size', values_N.length, 2);
  return squaredDeviations(values_N) / (values_N.length - 1);
}

/**
 * Returns the standard deviation of the given values with divisor N, σ = sqrt( Σ (x_n − x̄)² / N )
 * (metric `reward_std`).
 *
 * @throws DomainError if the sample is empty
 */
export function populationDeviation(values_N: ArrayLike<number>): number {
  return Math.sqrt(squaredDeviations(values_N) / values_N.length);
}

function squaredDeviations(values_N: ArrayLike<number>): number {
  const center = mean(values_N);
  let squares = 0;
  for (let n = 0; n < values_N.length; n++) squares += (values_N[n] - center) ** 2;
  return squares;
}

/** A two-sided confidence interval around a point estimate. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Returns Wilson's score interval of a proportion: ( p̂ + z²/2n ± z sqrt( p̂(1−p̂)/n + z²/4n² ) ) / (1 +
 * z²/n), where p̂ is the share of successes, n the number of trials and z the normal quantile.
 *
 * The interval lies inside [0, 1]. At 0 and at n successes it has a positive width; the normal interval has
 * width 0 there.
 *
 * @param successes - integer, 0..trials
 * @param trials - integer >= 1, independent
 * @returns share of successes (as `mean`) and the interval
 * @throws DomainError if the counts are not integers in range or confidence is outside (0, 1)
 *
 * @example
 * wilsonInterval(7, 20).high; // ≈> 0.567145723
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  { confidence = 0.95 }: { readonly confidence?: number } = {},
): Interval {
  checkInteger('wilsonInterval', 'trials', trials, 1);
  checkInteger('wilsonInterval', 'successes', successes, 0);
  checkOpenUnit('wilsonInterval', 'confidence', confidence);
  if (successes > trials)
    throw new DomainError(`wilsonInterval: expected successes <= ${trials} trials, got ${successes}`);
  const p = successes / trials;
  const z2 = normalQuantile((1 + confidence) / 2) ** 2;
  const center = p + z2 / (2 * trials);
  const half = Math.sqrt(z2 * ((p * (1 - p)) / trials + z2 / (4 * trials ** 2)));
  const scale = 1 + z2 / trials;
  return { mean: p, low: Math.max(0, (center - half) / scale), high: Math.min(1, (center + half) / scale) };
}

/** Method of {@link pairedDifferenceInterval}. */
export type PairedIntervalOptions = {
  /** Default 0.95. */
  readonly confidence?: number;
} & (
  | { readonly method?: 'student' }
  | { readonly method: 'bootstrap'; readonly stream: RandomStream; readonly resamples?: number }
);

/**
 * Returns the confidence interval of a mean *paired* difference: d̄ ± t_{N−1} s/√N, or the percentile
 * bootstrap over prompts. d̄ and s are the mean and the standard deviation of the N differences, and t_{N−1}
 * is the Student quantile.
 *
 * Pairing removes the variance between prompts, which is most of the variance of two teams' scores on the
 * same prompts. Both methods need prompts that were not used to choose either team.
 *
 * @param differences_P - score of the new team minus score of the old team on each prompt, averaged over the
 *   prompt's samples [P], P >= 2
 * @throws DomainError if P < 2, a difference is not finite, or confidence is outside (0, 1)
 */
export function pairedDifferenceInterval(
  differences_P: ArrayLike<number>,
  options: PairedIntervalOptions = {},
): Interval & { readonly prompts: number } {
  const where = 'pairedDifferenceInterval';
  const { confidence = 0.95 } = options;
  const prompts = differences_P.length;
  checkInteger(where, 'number of prompts', prompts, 2);
  checkFinite(where, 'differences_P', differences_P);
  checkOpenUnit(where, 'confidence', confidence);
  if (options.method === 'bootstrap') return { ...percentileBootstrap(differences_P, options), prompts };
  const center = mean(differences_P);
  const half =
    studentQuantile((1 + confidence) / 2, prompts - 1) * Math.sqrt(sampleVariance(differences_P) / prompts);
  return { mean: center, low: center - half, high: center + half, prompts };
}

/** Options of {@link percentileBootstrap}. */
export interface BootstrapOptions {
  readonly stream: RandomStream;
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly confidence?: number;
}

/**
 * Returns the percentile bootstrap interval of the mean. At confidence c, its ends are the (1±c)/2 quantiles
 * of the means of resamples with replacement.
 *
 * @param values_P - one value per prompt [P], P >= 1
 * @throws DomainError if the sample is empty or not finite, or an option is out of range
 */
export function percentileBootstrap(
  values_P: ArrayLike<number>,
  { stream, resamples = 2000, confidence = 0.95 }: BootstrapOptions,
): Interval {
  const where = 'percentileBootstrap';
  const P = values_P.length;
  checkInteger(where, 'number of prompts', P, 1);
  checkFinite(where, 'values_P', values_P);
  checkInteger(where, 'resamples', resamples, 1);
  checkOpenUnit(where, 'confidence', confidence);
  const means = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let sum = 0;
    for (let p = 0; p < P; p++) sum += values_P[stream.int(P)];
    means[b] = sum / P;
  }
  return {
    mean: mean(values_P),
    low: linearQuantile(means, (1 - confidence) / 2),
    high: linearQuantile(means, (1 + confidence) / 2),
  };
}

/**
 * Returns pass@k = 1 − C(n−c, k) / C(n, k), an unbiased estimate of the probability that at least one of k
 * samples is correct.
 *
 * @param samples - n, number of samples of the prompt
 * @param correct - c, number of correct samples, 0..n
 * @param k - 1..n
 * @throws DomainError if a count is not an integer in its range
 *
 * @example
 * passAtK(4, 1, 2); // => 0.5
 */
export function passAtK(samples: number, correct: number, k: number): number {
  checkInteger('passAtK', 'samples', samples, 1);
  checkInteger('passAtK', 'correct', correct, 0);
  checkInteger('passAtK', 'k', k, 1);
  if (correct > samples || k > samples)
    throw new DomainError(
      `passAtK: expected correct and k of at most ${samples} samples, got ${correct} and ${k}`,
    );
  if (samples - correct < k) return 1;
  let miss = 1;
  for (let i = samples - correct + 1; i <= samples; i++) miss *= 1 - k / i;
  return 1 - miss;
}
