/**
 * Determines the sampling parameters and the random stream of a request.
 * @module
 */
import { randomInt } from 'node:crypto';
import { type RandomStream, randomStream } from '../../core/rng.ts';
import type { SamplingParams } from '../agent/served-agent.ts';
import type { ServedTeam } from '../team/served-team.ts';
import { invalid } from './errors.ts';

/** Limits that the server sets for each request. */
export interface ApiLimits {
  /** Maximum number of choices of one request. */
  readonly maxChoices: number;
  /** Maximum number of tokens of one message. */
  readonly maxTokens: number;
}

/** The sampling fields of a request body. */
export interface SamplingFields {
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly stop?: string[] | undefined;
  readonly n?: number | undefined;
}

/**
 * @param options.maxTokens - the requested token limit, and the name of the field in which the client set it
 * @param options.topLogprobs - number of alternatives per token; undefined: no log-probabilities
 * @throws ApiError (400) that names a field whose value exceeds a limit of the server
 */
export function samplingOf(
  fields: SamplingFields,
  { defaults }: ServedTeam,
  options: {
    readonly limits: ApiLimits;
    readonly maxTokens: { readonly param: string; readonly value: number | undefined };
    readonly topLogprobs: number | undefined;
  },
): SamplingParams {
  const { limits, maxTokens, topLogprobs } = options;
  if (maxTokens.value !== undefined && maxTokens.value > limits.maxTokens)
    throw invalid(
      maxTokens.param,
      `${maxTokens.param}: expected at most ${limits.maxTokens} on this server, got ${maxTokens.value}`,
    );
  if (fields.n !== undefined && fields.n > limits.maxChoices)
    throw invalid('n', `n: expected at most ${limits.maxChoices} on this server, got ${fields.n}`);
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: fields.top_p ?? 1,
    maxTokens: maxTokens.value ?? Math.min(defaults.maxTokens, limits.maxTokens),
    stop: fields.stop ?? [],
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
  };
}

/** First key of the random streams of all served requests. Training and evaluation use other keys. */
const SERVING_STREAM = 2001;

/**
 * Returns the random stream of a request: derived from the request's seed, or from a random number if it has
 * no seed.
 */
export function requestStream(seed: number | undefined): RandomStream {
  if (seed === undefined) return randomStream(SERVING_STREAM, 2, randomInt(2 ** 48 - 1));
  return randomStream(SERVING_STREAM, seed < 0 ? 1 : 0, Math.abs(seed));
}
