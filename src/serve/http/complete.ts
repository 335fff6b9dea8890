/**
 * A completion, chat or not, from the caller's key to the last byte: limits, body, the door, a deadline, and
 * the answer whole or as a stream.
 * @module
 */
import type { Context } from 'hono';
import type { Caller } from '../api/answering.ts';
import { answerChat, planChat, streamChat } from '../api/chat.ts';
import { chatRequestSchema } from '../api/chat-request.ts';
import { completionRequestSchema } from '../api/completion-request.ts';
import { answerCompletion, planCompletion, streamCompletion } from '../api/completions.ts';
import { ApiError } from '../api/errors.ts';
import type { ModelTable } from '../api/models.ts';
import { parseRequest } from '../api/parse-request.ts';
import type { ServerOptions } from '../options.ts';
import { readBody } from './body.ts';
import { eventStream } from './event-stream.ts';
import type { AppParts } from './parts.ts';
import { finishVisit, identify, problemOf, type Visit } from './visit.ts';

/** One kind of completion, from text to answer. */
export interface Completing {
  readonly route: string;
  plan(text: string): {
    readonly stream: boolean;
    readonly choices: number;
    readonly model: string;
    readonly prompts: unknown;
    answer(caller: Caller): Promise<object>;
    streamed(caller: Caller, send: (chunk: object) => void): Promise<void>;
  };
}

export function completions(models: ModelTable, { api }: ServerOptions): Completing[] {
  return [
    {
      route: '/v1/chat/completions',
      plan: (text) => {
        const request = parseRequest(text, chatRequestSchema);
        const plan = planChat(request, models, api);
        return {
          stream: request.stream === true,
          choices: plan.choices,
          model: plan.model.name,
          prompts: request.messages,
          answer: (caller) => answerChat(plan, caller),
          streamed: (caller, send) => streamChat(plan, caller, send),
        };
      },
    },
    {
      route: '/v1/completions',
      plan: (text) => {
        const request = parseRequest(text, completionRequestSchema);
        const plan = planCompletion(request, models, api);
        return {
          stream: request.stream === true,
          choices: plan.questions.length,
          model: plan.model.name,
          prompts: request.prompt,
          answer: (caller) => answerCompletion(plan, caller),
          streamed: (caller, send) => streamCompletion(plan, caller, send),
        };
      },
    },
  ];
}

/** A completion of either kind. */
export async function complete(
  parts: AppParts,
  c: Context,
  { visit, completing }: { readonly visit: Visit; readonly completing: Completing },
): Promise<Response> {
  const { options, door, limits, metrics } = parts;
  const entry = identify(parts, c, visit);
  if (parts.isStopping())
    throw new ApiError('the server is stopping', {
      status: 503,
      type: 'server_error',
      code: 'shutting_down',
      retryAfter: 1,
    });
  const fairKey = entry?.name ?? addressOf(c);
  const place = limits.enter(
    fairKey,
    entry === undefined
      ? options.keyLimits
      : {
          requestsPerMinute: entry.requests_per_minute ?? options.keyLimits.requestsPerMinute,
          concurrency: entry.concurrency ?? options.keyLimits.concurrency,
        },
  );
  Object.assign(visit.headers, place.headers);
  const ends: (() => void)[] = [place.leave, parts.accept()];
  const end = (): void => {
    for (const one of ends.splice(0)) one();
  };
  try {
    const plan = completing.plan(await readBody(c.req.raw, options.bodyBytes));
    Object.assign(visit.notes, {
      model: plan.model,
      stream: plan.stream,
      ...(options.logPrompts ? { prompt: plan.prompts } : {}),
    });
    const { signal, stop, abort } = deadline(c.req.raw.signal, options.requestTimeoutMs);
    ends.push(stop);
    ends.push(await door.enter(fairKey, plan.choices, signal));
    visit.notes.queued_ms = Math.round(performance.now() - visit.start);
    const caller: Caller = {
      requestId: visit.id,
      fairKey,
      signal,
      onTurn: (turn) => metrics.turn(turn),
      onUsage: ({ prompt_tokens, completion_tokens }) =>
        Object.assign(visit.notes, { prompt_tokens, completion_tokens }),
    };
    if (!plan.stream) {
      const answer = await plan.answer(caller);
      if (options.logPrompts) visit.notes.answer = answer;
      end();
      return c.json(answer);
    }
    const response = await eventStream({
      headers: {},
      run: (send) => plan.streamed(caller, send),
      errorBody: (error) => problemOf(parts, visit, error).body,
      onFirst: () => metrics.firstPiece(visit.route, (performance.now() - visit.start) / 1000),
      leave: () => abort(new DOMException('the client left', 'AbortError')),
      onEnd: (outcome) => {
        end();
        visit.notes.outcome = outcome;
        // before the first event the failure is an answer of its own
        if (visit.notes.streamed === true) finishVisit(parts, visit, 200);
      },
    });
    visit.notes.streamed = true;
    if (visit.notes.outcome !== undefined) finishVisit(parts, visit, 200);
    return response;
  } catch (error) {
    end();
    throw error;
  }
}

/** A signal that aborts when the client leaves or the time is up. */
function deadline(
  client: AbortSignal,
  limitMs: number,
): { readonly signal: AbortSignal; readonly stop: () => void; readonly abort: (reason: unknown) => void } {
  const controller = new AbortController();
  const left = (): void => controller.abort(new DOMException('the client left', 'AbortError'));
  if (client.aborted) left();
  client.addEventListener('abort', left, { once: true });
  const late = new ApiError(`expected an answer within ${limitMs / 1000} s, got none`, {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    retryAfter: 1,
  });
  const timer = setTimeout(() => controller.abort(late), limitMs);
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    stop: () => {
      clearTimeout(timer);
      client.removeEventListener('abort', left);
    },
  };
}

/** The other end of the connection: who shares a server without keys. */
function addressOf(c: Context): string {
  const { incoming } = c.env as { incoming?: { socket?: { remoteAddress?: string } } };
  return `address ${incoming?.socket?.remoteAddress ?? 'unknown'}`;
}
