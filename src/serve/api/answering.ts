/**
 * What both kinds of completions do with a request once it is checked: sampling options, one play per
 * choice, and errors of teams as errors of the API.
 * @module
 */
import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type RandomStream, randomStream } from '../../core/rng.ts';
import type { MemberFault, MessagePiece, Sampling } from '../member/member.ts';
import { playTeam, type Question } from '../team/play.ts';
import type { ServedTeam } from '../team/served-team.ts';
import {
  type MemberTurn,
  type PlayEvent,
  type TeamAnswer,
  TeamUnavailableError,
} from '../team/team-answer.ts';
import { ApiError, invalid } from './errors.ts';
import { type Usage, usageOf } from './troupe-fields.ts';

export interface ApiLimits {
  /** Most choices of one request. */
  readonly maxChoices: number;
  /** Most tokens of one message. */
  readonly maxTokens: number;
}

/** What a request brings besides its body. */
export interface Caller {
  readonly requestId: string;
  /** Whose it is: an API key's name, or an address. */
  readonly fairKey: string;
  readonly signal: AbortSignal;
  /** Told of every message of a member. */
  readonly onTurn?: (turn: MemberTurn) => void;
  readonly onUsage?: (usage: Usage) => void;
}

/** The fields that decide how messages are drawn. */
export interface DrawFields {
  readonly temperature?: number | undefined;
  readonly top_p?: number | undefined;
  readonly stop?: string[] | undefined;
  readonly n?: number | undefined;
  readonly seed?: number | undefined;
}

/**
 * @param most - `max_tokens` under the name the client used
 * @throws ApiError naming the field that is too much
 */
export function samplingOf(
  fields: DrawFields,
  { defaults }: ServedTeam,
  options: {
    readonly limits: ApiLimits;
    readonly most: { readonly param: string; readonly value: number | undefined };
    readonly topLogprobs: number | undefined;
  },
): Sampling {
  const { limits, most, topLogprobs } = options;
  if (most.value !== undefined && most.value > limits.maxTokens)
    throw invalid(
      most.param,
      `${most.param}: expected at most ${limits.maxTokens} on this server, got ${most.value}`,
    );
  if (fields.n !== undefined && fields.n > limits.maxChoices)
    throw invalid('n', `n: expected at most ${limits.maxChoices} on this server, got ${fields.n}`);
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: fields.top_p ?? 1,
    maxTokens: most.value ?? Math.min(defaults.maxTokens, limits.maxTokens),
    stop: fields.stop ?? [],
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
  };
}

/** First keys of every stream of this server, apart from those of runs and evaluations. */
const SERVING = 2001;

/** The draws of a request: named by its seed, or by chance. */
export function requestStream(seed: number | undefined): RandomStream {
  if (seed === undefined) return randomStream(SERVING, 2, randomInt(2 ** 48 - 1));
  return randomStream(SERVING, seed < 0 ? 1 : 0, Math.abs(seed));
}

/** Whoever follows plays as they go. */
export interface PlayListeners {
  readonly pieces?: Question['pieces'];
  readonly onEvent?: (event: PlayEvent, index: number) => void;
  readonly onAnswer?: (answer: TeamAnswer, index: number) => void;
}

/**
 * Plays several questions of one request at once; the first that fails ends the others.
 *
 * @param options.param - the field that is to blame where a prompt is too long
 * @throws ApiError; the signal's reason when it aborts
 */
export async function playQuestions(
  team: ServedTeam,
  questions: readonly Omit<Question, 'signal' | 'fairKey'>[],
  options: { readonly caller: Caller; readonly listeners: PlayListeners; readonly param: string },
): Promise<TeamAnswer[]> {
  const { caller, listeners, param } = options;
  const { signal, fairKey, onTurn, onUsage } = caller;
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // one per choice and member
  const leave = (): void => controller.abort(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  try {
    const answers = await Promise.all(
      questions.map(async (question, index) => {
        const answer = await playTeam(team, {
          ...question,
          fairKey,
          signal: controller.signal,
          ...(listeners.pieces ? { pieces: listeners.pieces } : {}),
          ...(listeners.onEvent ? { onEvent: (event) => listeners.onEvent?.(event, index) } : {}),
        });
        for (const turn of answer.turns) onTurn?.(turn);
        listeners.onAnswer?.(answer, index);
        return answer;
      }),
    );
    onUsage?.(usageOf(answers.flatMap(({ turns }) => turns)));
    return answers;
  } catch (error) {
    controller.abort(error);
    if (error instanceof TeamUnavailableError) for (const turn of error.turns) onTurn?.(turn);
    throw playError(error, param);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Whatever a play threw, as the client is told. */
function playError(error: unknown, param: string): unknown {
  if (error instanceof TeamUnavailableError) return memberError(error.fault, error.message, param);
  return error;
}

function memberError(fault: MemberFault | undefined, message: string, param: string): ApiError {
  if (fault === 'context_length') return invalid(param, message, 'context_length_exceeded');
  if (fault === 'unsupported') return invalid(param, message, 'unsupported_value');
  if (fault === 'timeout')
    return new ApiError(message, { status: 504, type: 'server_error', code: 'timeout', retryAfter: 5 });
  return new ApiError(message, {
    status: 503,
    type: 'server_error',
    code: 'members_unavailable',
    retryAfter: 5,
  });
}

/**
 * What of an answer was not shown yet.
 *
 * @throws ApiError if what was shown is no beginning of it: its member failed, and another one's is the answer
 */
export function unshown(
  { text, logprobs = [] }: TeamAnswer,
  shown: { readonly text: string; readonly logprobs: number },
): MessagePiece {
  if (!text.startsWith(shown.text))
    throw new ApiError('the member whose answer was being streamed failed before its end', {
      status: 503,
      type: 'server_error',
      code: 'members_unavailable',
    });
  return { text: text.slice(shown.text.length), logprobs: logprobs.slice(shown.logprobs) };
}
