/**
 * A member behind an OpenAI-compatible endpoint: vLLM, llama.cpp's server, Ollama, a hosted one. It is asked
 * for a stream, so that a stall is noticed; tried again with growing, jittered pauses; and left alone by a
 * circuit breaker when it keeps failing.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.ts';
import { type Reply, ReplyError, ReplyReader, readReply } from './endpoint-reply.ts';
import {
  type Member,
  MemberError,
  type MemberHealth,
  type MemberMessage,
  type SpeakRequest,
} from './member.ts';

export interface EndpointMemberOptions {
  readonly name: string;
  readonly instruction?: string;
  /** Up to and including the version, e.g. `http://127.0.0.1:8000/v1`. */
  readonly endpoint: string;
  /** Name of the model at the endpoint. */
  readonly model: string;
  /** Sent as a bearer token; absent: none. */
  readonly key?: string;
  /** Without a byte for so long an attempt has failed, milliseconds. */
  readonly stallMs: number;
  /** Attempts after the first. */
  readonly retries: number;
  /** Whether to ask for log-probabilities, which break ties of votes. */
  readonly logprobs: boolean;
  /** Further fields of every request's body, such as `chat_template_kwargs`. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  readonly breaker?: Partial<CircuitBreakerOptions>;
  /** Uniform in [0, 1), for the jitter of pauses. */
  readonly random?: () => number;
}

/** Pauses grow from this, milliseconds; each is drawn uniformly from 0 to its bound (full jitter). */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

/** What went wrong in one attempt. */
interface Failure {
  readonly error: MemberError;
  readonly isRetryable: boolean;
  /** Whether it tells against the endpoint. */
  readonly isFault: boolean;
  /** The endpoint asked for this pause, milliseconds. */
  readonly pauseMs?: number;
}

export class EndpointMember implements Member {
  readonly kind = 'endpoint';
  readonly name: string;
  readonly instruction?: string;
  readonly #options: EndpointMemberOptions;
  readonly #breaker: CircuitBreaker;
  #running = 0;

  constructor(options: EndpointMemberOptions) {
    this.name = options.name;
    if (options.instruction !== undefined) this.instruction = options.instruction;
    this.#options = { ...options, endpoint: options.endpoint.replace(/\/+$/, '') };
    this.#breaker = new CircuitBreaker(options.breaker);
  }

  async speak(request: SpeakRequest): Promise<MemberMessage> {
    this.#running++;
    try {
      return await this.#speak(request);
    } finally {
      this.#running--;
    }
  }

  health(): MemberHealth {
    const { state } = this.#breaker;
    return { ready: state !== 'open', state: `circuit ${state}`, running: this.#running, waiting: 0 };
  }

  async close(): Promise<void> {
    // connections belong to the process's pool
  }

  async #speak(request: SpeakRequest): Promise<MemberMessage> {
    const { retries, random = Math.random } = this.#options;
    let shown = false;
    const onPiece =
      request.onPiece &&
      ((piece: Parameters<typeof request.onPiece>[0]): void => {
        shown = true;
        request.onPiece?.(piece);
      });
    for (let attempt = 1; ; attempt++) {
      request.signal.throwIfAborted();
      if (!this.#breaker.tryAcquire())
        throw new MemberError(`member ${this.name}: not asked, it failed too often lately`, {
          fault: 'circuit_open',
          attempts: attempt - 1,
        });
      const outcome = await this.#attempt({ ...request, ...(onPiece ? { onPiece } : {}) });
      if (!('error' in outcome)) {
        this.#breaker.succeeded();
        return { ...outcome, attempts: attempt };
      }
      if (outcome.isFault) this.#breaker.failed();
      else this.#breaker.abandoned();
      request.signal.throwIfAborted();
      if (!outcome.isRetryable || attempt > retries || shown)
        throw new MemberError(outcome.error.message, {
          fault: outcome.error.fault,
          attempts: attempt,
          cause: outcome.error.cause,
        });
      const bound = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
      const pause = Math.max(random() * bound, Math.min(outcome.pauseMs ?? 0, LONGEST_PAUSE_MS));
      await sleep(pause, undefined, { signal: request.signal }).catch(() => request.signal.throwIfAborted());
    }
  }

  /** One request from start to end, whatever comes of it. */
  async #attempt(request: SpeakRequest): Promise<Reply | Failure> {
    const { stallMs } = this.#options;
    const controller = new AbortController();
    const leave = (): void => controller.abort(request.signal.reason);
    request.signal.addEventListener('abort', leave, { once: true });
    const stalled = new ReplyError(`expected something every ${stallMs / 1000} s, got nothing`);
    const timer = setTimeout(() => controller.abort(stalled), stallMs);
    try {
      const isChat = request.prompt.kind === 'chat';
      const response = await fetch(
        `${this.#options.endpoint}${isChat ? '/chat/completions' : '/completions'}`,
        {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'text/event-stream',
            ...(this.#options.key === undefined ? {} : { authorization: `Bearer ${this.#options.key}` }),
          },
          body: JSON.stringify(this.#body(request)),
          signal: controller.signal,
          redirect: 'error',
        },
      );
      timer.refresh();
      if (!response.ok) return await this.#refusal(response);
      const reader = new ReplyReader(request);
      return await readReply(response, reader, () => timer.refresh());
    } catch (error) {
      const isStopped = request.signal.aborted;
      return this.#failure(controller.signal.aborted ? controller.signal.reason : error, isStopped);
    } finally {
      clearTimeout(timer);
      request.signal.removeEventListener('abort', leave);
      controller.abort(); // lets go of a body that was not read to its end
    }
  }

  #body({ prompt, sampling, stream, seeded }: SpeakRequest): object {
    const { model, logprobs, extraBody } = this.#options;
    const top = sampling.topLogprobs ?? 0;
    const isChat = prompt.kind === 'chat';
    return {
      model,
      ...(isChat
        ? { messages: prompt.messages.map(({ role, content }) => ({ role, content })) }
        : { prompt: prompt.kind === 'text' ? prompt.text : prompt.tokens }),
      temperature: sampling.temperature,
      top_p: sampling.topP,
      max_tokens: sampling.maxTokens,
      ...(sampling.stop.length > 0 ? { stop: sampling.stop } : {}),
      ...(seeded ? { seed: stream.child(0).int(2 ** 31) } : {}),
      ...(logprobs && isChat ? { logprobs: true, ...(top > 0 ? { top_logprobs: top } : {}) } : {}),
      stream: true,
      stream_options: { include_usage: true },
      ...extraBody,
    };
  }

  /** What a status other than 2xx means. */
  async #refusal(response: Response): Promise<Failure> {
    const { status, headers } = response;
    const text = (await response.text().catch(() => '')).slice(0, 2000);
    const said = upstreamMessage(text);
    const message = `member ${this.name}: the endpoint answered HTTP ${status}${said === '' ? '' : ` (${said})`}`;
    if (status === 400 && /context[ _]length|maximum context|too long|n_ctx/i.test(text))
      return {
        error: new MemberError(message, { fault: 'context_length' }),
        isRetryable: false,
        isFault: false,
      };
    if (status === 400 || status === 413 || status === 422)
      return {
        error: new MemberError(message, { fault: 'unsupported' }),
        isRetryable: false,
        isFault: false,
      };
    const isRetryable = status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
    const pause = Number(headers.get('retry-after'));
    return {
      error: new MemberError(message, { fault: 'unavailable' }),
      isRetryable,
      isFault: true,
      ...(pause > 0 ? { pauseMs: pause * 1000 } : {}),
    };
  }

  /** @param isStopped - whether the caller wanted it no more */
  #failure(error: unknown, isStopped: boolean): Failure {
    if (error instanceof ReplyError) {
      const message = `member ${this.name}: ${error.message}`;
      const fault = error.message.includes('got nothing') ? 'timeout' : 'unavailable';
      return { error: new MemberError(message, { fault, cause: error }), isRetryable: true, isFault: true };
    }
    // the team had no time left for it; anything else that stops it from outside says nothing about it
    const isLate = error instanceof MemberError && error.fault === 'timeout';
    const why = error instanceof Error ? rootMessage(error) : String(error);
    return {
      error: isLate
        ? error
        : new MemberError(`member ${this.name}: ${why}`, { fault: 'unavailable', cause: error }),
      isRetryable: !isLate && !isStopped,
      isFault: isLate || !isStopped,
    };
  }
}

/** The `error.message` of an OpenAI-shaped refusal, on one line and cut short. */
function upstreamMessage(text: string): string {
  try {
    const parsed = JSON.parse(text) as { error?: { message?: unknown } | string; message?: unknown };
    const message =
      typeof parsed.error === 'object' ? parsed.error?.message : (parsed.error ?? parsed.message);
    return typeof message === 'string' ? message.replaceAll(/\s+/g, ' ').slice(0, 160) : '';
  } catch {
    return '';
  }
}

function rootMessage(error: Error): string {
  return error.cause instanceof Error ? rootMessage(error.cause) : error.message;
}
