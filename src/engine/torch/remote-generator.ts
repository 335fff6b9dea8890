/**
 * Serving with a worker process: one call per message, whose response streams the tokens. The worker decodes all
 * messages in one batch. This class admits requests from a fair queue, so that clients share the batch evenly.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import { FairQueue } from '../../support/fair-queue.ts';
import type {
  GeneratedToken,
  Generation,
  GenerationRequest,
  GeneratorLoad,
  GeneratorOptions,
  MessageGenerator,
} from '../generation.ts';
import type { ModelCall } from './connection.ts';
import type { Frame } from './frames.ts';

export interface RemoteGeneratorParts {
  readonly call: (call: ModelCall) => Promise<Frame>;
  readonly endTokens: readonly number[];
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
  readonly cacheBytesPerToken: number;
}

/** A queued or in-flight message. */
interface PendingGeneration {
  readonly request: GenerationRequest;
  /** Maximum tokens of the message. */
  readonly limit: number;
  readonly tokens: number[];
  readonly logp: number[];
  /** Aborted to end the call when no more tokens are needed. */
  readonly enough: AbortController;
  readonly resolve: (generation: Generation) => void;
  readonly reject: (error: unknown) => void;
}

const DEFAULTS = { maxBatch: 64, maxCacheBytes: 2 ** 30 };
const ONE_KEY = '';

/** The PyTorch engine's generator for serving. */
export class RemoteGenerator implements MessageGenerator {
  readonly #parts: RemoteGeneratorParts;
  readonly #options: typeof DEFAULTS;
  readonly #waiting = new FairQueue<PendingGeneration>();
  readonly #running = new Set<PendingGeneration>();
  readonly #calls = new Set<Promise<void>>();
  #drawn = 0;
  #closed = false;

  constructor(parts: RemoteGeneratorParts, options: GeneratorOptions = {}) {
    this.#parts = parts;
    this.#options = { ...DEFAULTS, ...options };
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const { context, signal, maxTokens, fairKey = ONE_KEY } = request;
    const { maxPositions } = this.#parts;
    if (this.#closed) throw closedError();
    signal?.throwIfAborted();
    if (context.length >= maxPositions)
      throw new EngineError(
        `engine torch: a context of ${context.length} tokens leaves no room for a message; ` +
          `the model takes ${maxPositions} (max_position_embeddings)`,
        { code: 'TROUPE_ENGINE_CONTEXT' },
      );
    const limit = Math.min(maxTokens, maxPositions - context.length);
    return new Promise<Generation>((resolve, reject) => {
      const enough = new AbortController();
      const message: PendingGeneration = { request, limit, tokens: [], logp: [], enough, resolve, reject };
      const onAbort = (): void => {
        if (this.#waiting.remove(message)) reject(signal?.reason);
        else enough.abort(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true, signal: enough.signal });
      this.#waiting.push(fairKey, message, context.length + limit);
      this.#admit();
    });
  }

  load(): GeneratorLoad {
    const running = [...this.#running];
    const bytes = running.reduce(
      (sum, { request, tokens }) => sum + request.context.length + tokens.length,
      0,
    );
    return {
      running: running.length,
      waiting: this.#waiting.size,
      tokens: this.#drawn,
      cacheBytes: bytes * this.#parts.cacheBytesPerToken,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (let message = this.#waiting.shift(); message !== undefined; message = this.#waiting.shift())
      message.reject(closedError());
    for (const { enough } of this.#running) enough.abort(closedError());
    await Promise.all(this.#calls);
  }

  #admit(): void {
    for (
      let next = this.#waiting.peek();
      next !== undefined && this.#hasRoom(next);
      next = this.#waiting.peek()
    ) {
      this.#waiting.shift();
      this.#running.add(next);
      const call = this.#run(next).finally(() => this.#calls.delete(call));
      this.#calls.add(call);
    }
  }

  /**
   * Returns whether the cache has room for one more message. Every message counts with its maximum length,
   * and the rows of a batch are padded to the longest.
   */
  #hasRoom(next: PendingGeneration): boolean {
    const rows = this.#running.size + 1;
    if (rows > this.#options.maxBatch) return false;
    const longest = [...this.#running, next].reduce(
      (most, { request, limit }) => Math.max(most, request.context.length + limit),
      0,
    );
    return rows === 1 || rows * longest * this.#parts.cacheBytesPerToken <= this.#options.maxCacheBytes;
  }

  /** Generates one message and settles its promise. The returned promise never rejects. */
  async #run(message: PendingGeneration): Promise<void> {
    const { request, tokens, logp, limit, enough, resolve, reject } = message;
    let finish: Generation['finish'] | undefined;
    let fault: { readonly error: unknown } | undefined;
    try {
      const answer = await this.#parts.call({
        call: 'generate',
        params: this.#params(message),
        arrays: { context: request.context, stream: streamWords(request) },
        signal: enough.signal,
        onFrame: (frame) => {
          if (enough.signal.aborted) return; // the worker sent this token before it received the cancellation
          try {
            if (this.#addToken(message, tokenOf(frame)) || enough.signal.aborted) return;
            finish = 'stop';
          } catch (error) {
            fault = { error }; // an error of one message must not affect the others
          }
          enough.abort();
        },
      });
      // the worker can finish the message before it receives the cancellation; then this call reports the
      // abort
      if (finish === undefined && fault === undefined) enough.signal.throwIfAborted();
      // the worker sends its answer in this format
      finish ??= (answer.header.value as { readonly finish: Generation['finish'] }).finish;
    } catch (error) {
      if (finish === undefined) fault ??= { error };
    }
    enough.abort(); // this abort also removes the listener on the request's signal
    this.#running.delete(message);
    this.#waiting.charge(request.fairKey ?? ONE_KEY, tokens.length - limit);
    if (fault) reject(fault.error);
    else
      resolve({ tokens: Int32Array.from(tokens), logp: Float32Array.from(logp), finish: finish ?? 'length' });
    if (!this.#closed) this.#admit();
  }

  #params({ request, limit }: PendingGeneration): Record<string, unknown> {
    const { temperature, topP, topLogprobs } = request;
    return {
      temperature,
      top_p: topP,
      max_tokens: limit,
      end_tokens: this.#parts.endTokens,
      ...(topLogprobs === undefined ? {} : { top_logprobs: topLogprobs }),
    };
  }

  /** Adds a token to the message. @returns whether the message continues */
  #addToken({ request, tokens, logp }: PendingGeneration, token: GeneratedToken): boolean {
    tokens.push(token.token);
    logp.push(token.logp);
    this.#drawn++;
    return request.onToken?.(token) !== false;
  }
}

/** Returns the key and counter of the message's random stream; not used for greedy sampling. */
function streamWords({ stream }: GenerationRequest): Uint32Array {
  const { key, counter } = stream.position();
  return Uint32Array.of(...key, counter);
}

function tokenOf({ arrays }: Frame): GeneratedToken {
  const first = (name: string): number => Number(arrays.get(name)?.[0]);
  const drawn = { token: first('token'), logp: first('logp') };
  const top = arrays.get('top');
  if (top === undefined) return drawn;
  const logps = arrays.get('top_logp') ?? [];
  return {
    ...drawn,
    ranked: {
      logp: first('ranked'),
      top: Array.from(top, (token, place) => ({ token, logp: Number(logps[place]) })),
    },
  };
}

function closedError(): EngineError {
  return new EngineError('engine torch: expected an open model, got one that was closed', {
    code: 'TROUPE_ENGINE_CLOSED',
  });
}
