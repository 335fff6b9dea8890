/**
 * Generates the choices of a chat completion or completion: runs the team's protocol once per choice,
 * concurrently, and converts errors of the team to errors of the API.
 * @module
 */
import { setMaxListeners } from 'node:events';
import type { MessageDelta } from '../agent/served-agent.ts';
import { LinkedAbort } from '../linked-abort.ts';
import { type Question, runProtocol } from '../team/run-protocol.ts';
import type { ServedTeam } from '../team/served-team.ts';
import {
  type AgentTurn,
  type TeamAnswer,
  type TeamEvent,
  TeamUnavailableError,
} from '../team/team-answer.ts';
import { ApiError, invalid } from './errors.ts';
import { type Usage, usageOf } from './troupe-field.ts';

/** Data about an HTTP request that generation uses besides the body. */
export interface GenerationContext {
  readonly requestId: string;
  /** Name of the client's API key, or the client's address if no key is required. */
  readonly fairKey: string;
  /** Aborts when the client disconnects and at the request's deadline. */
  readonly signal: AbortSignal;
  /** Called for every finished turn of an agent. */
  readonly onTurn?: (turn: AgentTurn) => void;
  readonly onUsage?: (usage: Usage) => void;
}

/** A question without the fields that come from the {@link GenerationContext}. */
export type ChoiceQuestion = Omit<Question, 'signal' | 'fairKey'>;

/** Callbacks of a streamed request; `index` is the index of the choice. */
export interface ChoiceListeners {
  readonly deltas?: Question['deltas'];
  readonly onEvent?: (event: TeamEvent, index: number) => void;
  readonly onAnswer?: (answer: TeamAnswer, index: number) => void;
}

/**
 * Generates all choices. If one choice fails, the others are cancelled.
 *
 * @param options.param - the request field that an error names if the prompt is too long or not supported
 * @throws ApiError if the team gives no answer; the signal's reason if it aborts
 */
export async function generateChoices(
  team: ServedTeam,
  questions: readonly ChoiceQuestion[],
  options: {
    readonly context: GenerationContext;
    readonly listeners: ChoiceListeners;
    readonly param: string;
  },
): Promise<TeamAnswer[]> {
  const { context, listeners, param } = options;
  const { fairKey, onTurn, onUsage } = context;
  const abort = new LinkedAbort(context.signal);
  // each choice and agent adds a listener, so Node's warning about many listeners is disabled
  setMaxListeners(0, abort.signal);
  try {
    const answers = await Promise.all(
      questions.map(async (question, index) => {
        const answer = await runProtocol(team, {
          ...question,
          fairKey,
          signal: abort.signal,
          ...(listeners.deltas ? { deltas: listeners.deltas } : {}),
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
    abort.abort(error);
    if (!(error instanceof TeamUnavailableError)) throw error;
    for (const turn of error.turns) onTurn?.(turn);
    throw apiErrorOf(error, param);
  } finally {
    abort.unlink();
  }
}

function apiErrorOf({ code, message }: TeamUnavailableError, param: string): ApiError {
  if (code === 'context_length') return invalid(param, message, 'context_length_exceeded');
  if (code === 'unsupported') return invalid(param, message, 'unsupported_value');
  if (code === 'timeout')
    return new ApiError(message, { status: 504, type: 'server_error', code: 'timeout', retryAfter: 5 });
  return new ApiError(message, {
    status: 503,
    type: 'server_error',
    code: 'agents_unavailable',
    retryAfter: 5,
  });
}

/** The part of a choice that was already sent to the client. */
export interface SentText {
  text: string;
  /** Number of log-probabilities that were sent. */
  logprobs: number;
}

/**
 * Returns the part of an answer that was not streamed yet.
 *
 * @throws ApiError if the answer does not begin with the streamed part. This happens if the agent whose
 *   message was streamed fails, and the message of another agent becomes the answer.
 */
export function unsentPart({ text, logprobs = [] }: TeamAnswer, sent: SentText): MessageDelta {
  if (!text.startsWith(sent.text))
    throw new ApiError('the agent whose answer was being streamed failed before its end', {
      status: 503,
      type: 'server_error',
      code: 'agents_unavailable',
    });
  return { text: text.slice(sent.text.length), logprobs: logprobs.slice(sent.logprobs) };
}
