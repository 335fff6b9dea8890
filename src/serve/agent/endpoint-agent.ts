/**
 * An agent behind an OpenAI-compatible endpoint: vLLM, the server of llama.cpp, Ollama, a hosted model.
 * Responses are streamed, so that a stalled endpoint is detected. Failed attempts are repeated with
 * exponential backoff and full jitter. A circuit breaker stops requests to an endpoint that keeps failing.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PromptExample } from '../../team/examples.ts';
import { LinkedAbort } from '../linked-abort.ts';
import { CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.ts';
import {
  type EndpointMessage,
  EndpointResponseError,
  EndpointResponseReader,
  EndpointStallError,
  readEndpointResponse,
} from './endpoint-response.ts';
import {
  AgentError,
  type AgentHealth,
  type AgentMessage,
  type AgentRequest,
  type MessageDelta,
  type ServedAgent,
} from './served-agent.ts';

export interface EndpointAgentOptions {
  readonly name: string;
  readonly instruction?: string;
  readonly examples?: readonly PromptExample[];
  /** Base URL including the version, e.g. `http://127.0.0.1:8000/v1`. */
  readonly endpoint: string;
  /** Name of the model at the endpoint. */
  readonly model: string;
  /** API key that is sent as a bearer token; absent: no token is sent. */
  readonly key?: string;
  /** Longest time without a received byte, milliseconds. After this time the attempt fails. */
  readonly stallMs: number;
  /** Number of attempts after the first one. */
  readonly retries: number;
  /** Whether to request log-probabilities from the endpoint. The team uses them to break ties of votes. */
  readonly logprobs: boolean;
  /** Additional fields of every request body, such as `chat_template_kwargs`. */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  readonly breaker?: Partial<CircuitBreakerOptions>;
  /** Returns a uniform random number in [0, 1) for the jitter of pauses. */
  readonly random?: () => number;
}

/**
 * Upper bound of the pause before the second attempt, milliseconds. The bound doubles with every attempt, and
 * the pause is drawn uniformly between 0 and its bound.
 */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;

interface AttemptFailure {
  readonly error: AgentError;
  readonly isRetryable: boolean;
  /** Whether the circuit breaker counts the failure. */
  readonly isEndpointFault: boolean;
  /** Pause that the endpoint requested with `Retry-After`, milliseconds. */
  readonly pauseMs?: number;
}

export class EndpointAgent implements ServedAgent {
  readonly kind = 'endpoint';
  readonly name: string;
  readonly instruction?: string;
  readonly examples?: readonly PromptExample[];
  readonly #options: EndpointAgentOptions;
  readonly #breaker: CircuitBreaker;
  #running = 0;

  constructor(options: EndpointAgentOptions) {
    this.name = options.name;
    if (options.instruction !== undefined) this.instruction = options.instruction;
    if (options.examples !== undefined) this.examples = options.examples;
    this.#options = { ...options, endpoint: options.endpoint.replace(/\/+$/, '') };
    this.#breaker = new CircuitBreaker(options.breaker);
  }

  async generate(request: AgentRequest): Promise<AgentMessage> {
    this.#running++;
    try {
      return await this.#generateWithRetries(request);
    } finally {
      this.#running--;
    }
  }

  health(): AgentHealth {
    const { state } = this.#breaker;
    return { ready: state !== 'open', state: `circuit ${state}`, running: this.#running, waiting: 0 };
  }

  async close(): Promise<void> {
    // `fetch` keeps its connections in a pool of the process
  }

  async #generateWithRetries(request: AgentRequest): Promise<AgentMessage> {
    const { retries, random = Math.random } = this.#options;
    let hasEmitted = false;
    const onDelta =
      request.onDelta &&
      ((delta: MessageDelta): void => {
        hasEmitted = true;
        request.onDelta?.(delta);
      });
    for (let attempt = 1; ; attempt++) {
      request.signal.throwIfAborted();
      if (!this.#breaker.tryAcquire())
        throw new AgentError(`agent ${this.name}: no request sent, recent requests to its endpoint failed`, {
          code: 'circuit_open',
          attempts: attempt - 1,
        });
      const outcome = await this.#attempt({ ...request, ...(onDelta ? { onDelta } : {}) });
      if (!('error' in outcome)) {
        this.#breaker.recordSuccess();
        return { ...outcome, attempts: attempt };
      }
      if (outcome.isEndpointFault) this.#breaker.recordFailure();
      else this.#breaker.recordCancellation();
      request.signal.throwIfAborted();
      // no retry after the first emitted text: emitted text cannot be withdrawn, and a retry may produce
      // different text
      if (!outcome.isRetryable || attempt > retries || hasEmitted)
        throw new AgentError(outcome.error.message, {
          code: outcome.error.code,
          attempts: attempt,
          cause: outcome.error.cause,
        });
      const bound = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
      const pause = Math.max(random() * bound, Math.min(outcome.pauseMs ?? 0, LONGEST_PAUSE_MS));
      await sleep(pause, undefined, { signal: request.signal }).catch(() => request.signal.throwIfAborted());
    }
  }

  /** Sends one request. */
  async #attempt(request: AgentRequest): Promise<EndpointMessage | AttemptFailure> {
    const { endpoint, key, stallMs } = this.#options;
    const abort = new LinkedAbort(request.signal);
    const stalled = new EndpointStallError(`expected data every ${stallMs / 1000} s, got nothing`);
    const timer = setTimeout(() => abort.abort(stalled), stallMs);
    try {
      const isChat = request.prompt.kind === 'chat';
      const response = await fetch(`${endpoint}${isChat ? '/chat/completions' : '/completions'}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'text/event-stream',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body: JSON.stringify(this.#body(request)),
        signal: abort.signal,
        redirect: 'error',
      });
      timer.refresh();
      if (!response.ok) return await this.#statusFailure(response);
      const reader = new EndpointResponseReader(request);
      return await readEndpointResponse(response, reader, () => timer.refresh());
    } catch (error) {
      const isCancelled = request.signal.aborted;
      return this.#failure(abort.signal.aborted ? abort.signal.reason : error, isCancelled);
    } finally {
      clearTimeout(timer);
      abort.unlink();
      abort.abort(); // releases the connection if the response body was not read to its end
    }
  }

  #body({ prompt, sampling, stream, seeded }: AgentRequest): object {
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

  /** Converts a response whose status is not 2xx to a failure. */
  async #statusFailure(response: Response): Promise<AttemptFailure> {
    const { status, headers } = response;
    const text = (await response.text().catch(() => '')).slice(0, 2000);
    const detail = upstreamMessage(text);
    const message = `agent ${this.name}: the endpoint answered HTTP ${status}${detail === '' ? '' : ` (${detail})`}`;
    if (status === 400 && /context[ _]length|maximum context|too long|n_ctx/i.test(text))
      return {
        error: new AgentError(message, { code: 'context_length' }),
        isRetryable: false,
        isEndpointFault: false,
      };
    if (status === 400 || status === 413 || status === 422)
      return {
        error: new AgentError(message, { code: 'unsupported' }),
        isRetryable: false,
        isEndpointFault: false,
      };
    const isRetryable = status === 408 || status === 409 || status === 425 || status === 429 || status >= 500;
    const pause = Number(headers.get('retry-after'));
    return {
      error: new AgentError(message, { code: 'unavailable' }),
      isRetryable,
      isEndpointFault: true,
      ...(pause > 0 ? { pauseMs: pause * 1000 } : {}),
    };
  }

  /**
   * Converts an error of a request to a failure. @param isCancelled - whether the team cancelled the request
   */
  #failure(error: unknown, isCancelled: boolean): AttemptFailure {
    if (error instanceof EndpointResponseError) {
      const message = `agent ${this.name}: ${error.message}`;
      const code = error instanceof EndpointStallError ? 'timeout' : 'unavailable';
      return {
        error: new AgentError(message, { code, cause: error }),
        isRetryable: true,
        isEndpointFault: true,
      };
    }
    // the timeout of the whole message counts as a fault of the endpoint; any other cancellation does not
    const isTimeout = error instanceof AgentError && error.code === 'timeout';
    const reason = error instanceof Error ? rootMessage(error) : String(error);
    return {
      error: isTimeout
        ? error
        : new AgentError(`agent ${this.name}: ${reason}`, { code: 'unavailable', cause: error }),
      isRetryable: !isTimeout && !isCancelled,
      isEndpointFault: isTimeout || !isCancelled,
    };
  }
}

/** Returns the field `error.message` of an OpenAI error response, truncated and on one line. */
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
