/**
 * Computes the scores of a policy (a team, an agent, a self-consistency vote): avg@K, pass@k and maj@K per
 * prompt, with intervals that treat prompts as independent.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import { type Interval, mean, passAtK, percentileBootstrap, wilsonInterval } from '../core/stats.ts';
import type { Verdict } from '../task/task.ts';
import { type Ballot, plurality } from '../team/plurality.ts';

/** One sampled answer to one prompt. */
export interface Answer {
  /** Number of the sample; breaks those ties of maj@K that `meanLogp` does not. */
  readonly sample: number;
  readonly verdict: Verdict;
  /**
   * Mean log-probability per token, under the sampler, of the message that is the answer, nats; breaks ties
   * of maj@K.
   */
  readonly meanLogp: number;
}

/** Values per prompt, and their mean with a 95% interval over prompts. */
export interface Measure extends Interval {
  /** Value per prompt, averaged over its samples [P]; NaN if the prompt has too few answers. */
  readonly perPrompt: Float64Array;
}

export interface Scores {
  /** Ids of the prompts [P]; two sets of scores are paired by them. */
  readonly items: readonly string[];
  /** avg@K: share of correct answers. */
  readonly avg: Measure;
  /** pass@k: probability that at least one of k answers is correct; an unbiased estimate from K samples. */
  readonly pass: Measure;
  /** maj@K: 1 if the plurality of the K answers is correct, else 0. */
  readonly maj: Measure;
  /** Mean reward of the answers, reward units. */
  readonly reward: Measure;
  /** Means of the further scores that the task's verdicts contain, by name; absent if they contain none. */
  readonly further?: Readonly<Record<string, Measure>>;
}

export interface ScoreOptions {
  readonly items: readonly string[];
  /** k of pass@k, at most the number of samples. */
  readonly k: number;
  /** Random stream of the bootstrap resamples. */
  readonly stream: RandomStream;
}

/**
 * Computes scores from the answers to each prompt.
 *
 * @param answers_P - answers per prompt [P]; a prompt may have none
 * @throws DomainError if no prompt has an answer, or the numbers of prompts and ids differ
 */
export function scoresOf(answers_P: readonly (readonly Answer[])[], options: ScoreOptions): Scores {
  if (answers_P.length !== options.items.length)
    throw new DomainError(
      `scoresOf: expected answers to ${options.items.length} prompts, got ${answers_P.length}`,
    );
  // all measures resample the same prompts, so that measures with equal values have equal intervals
  const measure = (value: (answers: readonly Answer[]) => number): Measure =>
    measureOf(Float64Array.from(answers_P, value), options.stream.child(0));
  const names = [
    ...new Set(
      answers_P.flatMap((answers) => answers.flatMap(({ verdict }) => Object.keys(verdict.scores ?? {}))),
    ),
  ];
  const further = (name: string): Measure =>
    measure((answers) => {
      const known = answers.flatMap(({ verdict }) => verdict.scores?.[name] ?? []);
      return known.length === 0 ? Number.NaN : mean(known);
    });
  return {
    items: options.items,
    ...(names.length > 0 && { further: Object.fromEntries(names.map((name) => [name, further(name)])) }),
    avg: measure((answers) => meanOf(answers, ({ verdict }) => Number(verdict.correct))),
    pass: measure((answers) => passOf(answers, options.k)),
    maj: measure(majorityOf),
    reward: measure((answers) => meanOf(answers, ({ verdict }) => verdict.reward)),
  };
}

/**
 * Computes the mean over prompts and its 95% interval: Wilson's interval if every value is 0 or 1, else the
 * percentile bootstrap over prompts.
 *
 * @param perPrompt - one value per prompt [P]; NaN values are omitted
 * @throws DomainError if every value is NaN
 */
export function measureOf(perPrompt: Float64Array, stream: RandomStream): Measure {
  const known = perPrompt.filter((value) => !Number.isNaN(value));
  if (known.length === 0)
    throw new DomainError('measureOf: expected a value on at least one prompt, got none');
  const isProportion = known.every((value) => value === 0 || value === 1);
  const interval = isProportion
    ? wilsonInterval(
        known.reduce((sum, value) => sum + value, 0),
        known.length,
      )
    : percentileBootstrap(known, { stream });
  return { ...interval, perPrompt };
}

function meanOf(answers: readonly Answer[], value: (answer: Answer) => number): number {
  return answers.length === 0 ? Number.NaN : mean(answers.map(value));
}

function passOf(answers: readonly Answer[], k: number): number {
  if (answers.length < k) return Number.NaN;
  return passAtK(answers.length, answers.filter(({ verdict }) => verdict.correct).length, k);
}

function majorityOf(answers: readonly Answer[]): number {
  if (answers.length === 0) return Number.NaN;
  const ballots = answers.map(({ sample, meanLogp, verdict }): Ballot & { readonly verdict: Verdict } => {
    return { agent: sample, meanLogp, verdict };
  });
  return Number(plurality(ballots, ({ verdict }) => verdict.answer).verdict.correct);
}
