/**
 * Calls to a worker over HTTP. Every call has a unique operation id, so that it can be retried after a lost response
 * without being applied twice. Broken connections are retried with exponential backoff.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, EngineError, StoreError } from '../../support/errors.ts';
import { encodeFrame, type Frame, FrameReader, type WireArray, type WireHeader } from './frames.ts';

/** Protocol version of this client; the worker's is in its `__init__.py`. */
export const PROTOCOL = 5;
/** The worker version that this client requires. */
export const WORKER_VERSION = '0.1.0';

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string;
  /** Name of the engine in error messages. Default `torch`. */
  readonly engine?: string;
  /** How long calls are retried after a broken connection, ms. Default 60 000. */
  readonly retryMs?: number;
  /**
   * Maximum time without received data during a call, ms. Workers send a keep-alive frame every 5 s. Default
   * 60 000.
   */
  readonly silenceMs?: number;
  /** Maximum time from an accepted connection to the answer to `hello`, ms. Default 20 000. */
  readonly helloMs?: number;
  /** Maximum duration of one call, ms. Default one hour. */
  readonly deadlineMs?: number;
  /** Returns how the worker process exited; undefined while it runs. */
  readonly death?: () => string | undefined;
  /** Called after every call that the worker answered. */
  readonly onCall?: ((call: FinishedCall) => void) | undefined;
}

/** A call that the worker answered, with its total time and the worker's compute time. */
export interface FinishedCall {
  readonly call: string;
  readonly model?: string | undefined;
  /** Start time, milliseconds since 1970. */
  readonly startMs: number;
  readonly elapsedMs: number;
  readonly computeMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Number of token ids in the request and the response. */
  readonly tokens: number;
}

export interface Call {
  readonly call: string;
  readonly model?: string;
  readonly params?: WireHeader;
  readonly arrays?: Readonly<Record<string, WireArray>>;
  readonly signal?: AbortSignal | undefined;
  /** Called once for every frame of the response except the last one. */
  readonly onFrame?: (frame: Frame) => void;
}

/** A call on a given model. */
export type ModelCall = Omit<Call, 'model'>;

/** A worker's answer to `hello`. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  readonly protocol: number;
  readonly device: string;
  readonly torch: string;
  /** Version of vLLM, if it is installed. */
  readonly vllm?: string | null;
  /** Size of the cluster; present only in the answer of a Ray driver. */
  readonly nodes?: number;
  readonly cpus?: number;
  readonly gpus?: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

type Optional = 'death' | 'onCall';

/** Error if the response to a call was lost. The call can be repeated without being applied twice. */
class LostAnswer extends Error {}

/** A client session with one worker. */
export class Connection {
  readonly #options: Required<Omit<ConnectionOptions, Optional>> & Pick<ConnectionOptions, Optional>;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #session = randomUUID();

  constructor(options: ConnectionOptions) {
    this.#options = {
      engine: 'torch',
      retryMs: 60_000,
      silenceMs: 60_000,
      helloMs: 20_000,
      deadlineMs: 3_600_000,
      ...options,
    };
  }

  get url(): string {
    return this.#options.url;
  }

  /** Prefix of error messages: `engine torch`. */
  get #engineName(): string {
    return `engine ${this.#options.engine}`;
  }

  /**
   * Checks that a compatible worker answers at the address.
   *
   * @param retryMs - how long to retry if the connection fails
   * @throws EngineError if there is no answer in time, the token is wrong, or the server is not a worker of this version
   */
  async hello(retryMs = this.#options.retryMs): Promise<Hello> {
    const request = () => this.#requestHello();
    const { body } = await this.#retried('hello', request, { retryMs });
    const hello = parsedHello(body.toString());
    if (hello.name !== 'troupe-worker')
      throw new EngineError(
        `${this.#engineName}: expected a troupe worker at ${this.url}, got another server`,
        {
          code: 'TROUPE_WORKER_ADDRESS',
        },
      );
    if (hello.protocol !== PROTOCOL)
      throw new EngineError(
        `${this.#engineName}: expected a worker with protocol version ${PROTOCOL}, got ${hello.protocol} ` +
          `(troupe-worker ${hello.version} at ${this.url}); install the worker version of this troupe`,
        { code: 'TROUPE_WORKER_VERSION' },
      );
    if (hello.version !== WORKER_VERSION)
      throw new EngineError(
        `${this.#engineName}: expected troupe-worker ${WORKER_VERSION}, got ${hello.version} at ${this.url}; install the worker version of this troupe`,
        { code: 'TROUPE_WORKER_VERSION' },
      );
    return hello as Hello;
  }

  /**
   * Makes one `hello` request. It is not retried if the server accepts the connection but does not answer:
   * then the server is not a worker, or it hangs.
   */
  async #requestHello(): Promise<{ readonly body: Buffer }> {
    const { helloMs } = this.#options;
    const limit = AbortSignal.timeout(helloMs);
    try {
      return await this.#plain('GET', '/v1/hello', limit);
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new EngineError(
        `${this.#engineName} hello: expected an answer from ${this.url} within ${helloMs / 1000} s, got none; ` +
          'check that it is a troupe worker, and restart a worker that hangs',
        { code: 'TROUPE_WORKER_SILENT', cause: error },
      );
    }
  }

  /**
   * Makes a call; retries it if the connection breaks or the response is lost.
   *
   * @returns the last frame, of kind `result`
   * @throws the signal's reason if it aborts; EngineError, ConfigError or StoreError for errors of the worker
   */
  async call({ signal, onFrame, ...call }: Call): Promise<Frame> {
    signal?.throwIfAborted();
    const operation = randomUUID();
    const names = {
      call: call.call,
      session: this.#session,
      operation,
      ...(call.model && { model: call.model }),
    };
    const deadline_seconds = this.#options.deadlineMs / 1000;
    const body = encodeFrame({ ...names, deadline_seconds, params: call.params ?? {} }, call.arrays);
    const startMs = performance.timeOrigin + performance.now();
    let receivedBytes = 0;
    let tokens = tokensOf(call.arrays);
    // number of frames that were passed to onFrame; the response to a retry contains all frames again, so
    // these are skipped
    let passedFrames = 0;
    const attempt = async (): Promise<Frame> => {
      const ends: Frame[] = [];
      let receivedFrames = 0;
      receivedBytes += await this.#frames('/v1/call', body, signal, (frame) => {
        if (frame.header.kind === 'heartbeat') return;
        tokens += frame.arrays.get('tokens')?.length ?? 0;
        if (frame.header.kind === 'result' || frame.header.kind === 'error') ends.push(frame);
        else if (receivedFrames++ === passedFrames && !signal?.aborted) {
          passedFrames++;
          onFrame?.(frame);
        }
      });
      const [end] = ends;
      if (end === undefined) throw new LostAnswer('the response was truncated');
      return end;
    };
    let result: Frame;
    try {
      result = await this.#retried(call.call, attempt, { signal });
    } catch (error) {
      if (signal?.aborted) this.#cancel(names);
      throw error;
    }
    signal?.throwIfAborted(); // the signal can abort after the whole response has arrived
    const { header } = result;
    if (header.kind === 'error') throw workerError(`${this.#engineName} ${call.call}`, header.error);
    this.#options.onCall?.({
      call: call.call,
      model: call.model,
      startMs,
      elapsedMs: performance.timeOrigin + performance.now() - startMs,
      computeMs: 1000 * Number(header.seconds ?? 0),
      sentBytes: sizeOf(body),
      receivedBytes,
      tokens,
    });
    return result;
  }

  /**
   * Renews this session's lease on a shared worker. The worker frees the models of a session that makes no
   * call or ping for the duration of the lease.
   */
  async ping(): Promise<void> {
    const body = encodeFrame({ session: this.#session });
    await this.#frames('/v1/ping', body, AbortSignal.timeout(this.#options.silenceMs), () => {});
  }

  close(): void {
    this.#agent.destroy();
  }

  #cancel(names: WireHeader): void {
    const asked = this.#frames('/v1/cancel', encodeFrame(names), AbortSignal.timeout(5_000), () => {});
    asked.catch(() => {}); // ignore a failed cancellation: the worker ends the call at its deadline
  }

  async #retried<T>(
    what: string,
    attempt: () => Promise<T>,
    {
      signal,
      retryMs = this.#options.retryMs,
    }: { readonly signal?: AbortSignal | undefined; readonly retryMs?: number },
  ): Promise<T> {
    const { death } = this.#options;
    const startedMs = performance.now();
    for (
      let tries = 1, pauseMs = FIRST_PAUSE_MS;
      ;
      tries++, pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    ) {
      try {
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (!isTransient(error)) throw error;
        const elapsedMs = performance.now() - startedMs;
        const dead = death?.();
        if (dead === undefined && elapsedMs < retryMs) {
          await sleep(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
          continue;
        }
        const why =
          dead ??
          `no answer from ${this.url} after ${tries} tries in ${(elapsedMs / 1000).toFixed(0)} s (${messageOf(error)})`;
        const advice =
          what === 'hello'
            ? 'start a worker there with "troupe worker up"'
            : 'a run that was training is saved, resume it';
        throw new EngineError(`${this.#engineName} ${what}: ${why}; ${advice}`, {
          code: 'TROUPE_WORKER_LOST',
          cause: error,
          retryable: true,
        });
      }
    }
  }

  async #frames(
    path: string,
    body: readonly Uint8Array[],
    signal: AbortSignal | undefined,
    onFrame: (frame: Frame) => void,
  ): Promise<number> {
    const response = await this.#send('POST', path, { body, signal });
    const reader = new FrameReader();
    let received = 0;
    for await (const bytes of response as AsyncIterable<Buffer>) {
      received += bytes.length;
      for (const frame of reader.read(bytes)) onFrame(frame);
    }
    if (reader.pending > 0 || !response.complete) throw new LostAnswer('the response was truncated');
    return received;
  }

  async #plain(method: string, path: string, signal: AbortSignal): Promise<{ readonly body: Buffer }> {
    const response = await this.#send(method, path, { signal });
    const parts: Buffer[] = [];
    for await (const bytes of response as AsyncIterable<Buffer>) parts.push(bytes);
    return { body: Buffer.concat(parts) };
  }

  /** Sends a request. @returns a response with status 200 @throws EngineError for other statuses */
  async #send(
    method: string,
    path: string,
    {
      body = [],
      signal,
    }: { readonly body?: readonly Uint8Array[]; readonly signal?: AbortSignal | undefined },
  ): Promise<IncomingMessage> {
    const { url, token, silenceMs } = this.#options;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = request(new URL(path, url), {
        method,
        agent: this.#agent,
        timeout: silenceMs,
        headers: {
          Authorization: `Bearer ${token}`,
          'Content-Length': sizeOf(body),
        },
        ...(signal && { signal }),
      });
      asked.on('timeout', () => asked.destroy(new LostAnswer(`no data for ${silenceMs / 1000} s`)));
      asked.on('socket', hearErrors);
      asked.on('response', resolve);
      asked.on('error', reject);
      for (const part of body) asked.write(part);
      asked.end();
    });
    if (response.statusCode === 200) return response;
    response.resume();
    if (response.statusCode === 401)
      throw new EngineError(
        `${this.#engineName}: the worker at ${url} does not accept this token; set TROUPE_WORKER_TOKEN to the worker's token`,
        { code: 'TROUPE_WORKER_TOKEN' },
      );
    throw new EngineError(
      `${this.#engineName}: expected a troupe worker at ${url}, got HTTP ${response.statusCode} for ${path}`,
      {
        code: 'TROUPE_WORKER_ADDRESS',
      },
    );
  }
}

/**
 * Keeps an error listener on the socket. If a request is aborted after its response has arrived but before it is read
 * completely, Node destroys the socket after it has removed its own error listener; without a listener the error would
 * be uncaught and end the process.
 */
function hearErrors(socket: Socket): void {
  if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
}

function ignore(): void {} // ignored, because the request rejects with the same error

const BROKEN = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);

function isTransient(error: unknown): boolean {
  if (error instanceof LostAnswer) return true;
  if (error instanceof EngineError) return error.retryable;
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' && BROKEN.has(code);
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function tokensOf({ context, tokens }: Readonly<Record<string, WireArray>> = {}): number {
  return (context?.length ?? 0) + (tokens?.length ?? 0);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Converts an error of the worker to the matching error class. */
function workerError(where: string, value: unknown): Error {
  // the worker sends errors in this format
  const { kind, message } = value as { readonly kind: string; readonly message: string };
  if (kind === 'model') return new ConfigError(message);
  if (kind === 'setting') return new ConfigError(`${where}: ${message}`, { code: 'TROUPE_WORKER_SETTING' });
  if (kind === 'capacity') return new ConfigError(`${where}: ${message}`, { code: 'TROUPE_WORKER_CAPACITY' });
  if (kind === 'store') return new StoreError(message);
  const isLost = kind === 'lost' || kind === 'unknown_model';
  return new EngineError(`${where}: ${message}`, {
    code: `TROUPE_WORKER_${kind.toUpperCase()}`,
    retryable: isLost || kind === 'deadline',
  });
}

/** Parses the answer to `hello`. Returns an empty object if the text is not a JSON object. */
function parsedHello(text: string): Partial<Hello> {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? said : {};
  } catch {
    return {};
  }
}
