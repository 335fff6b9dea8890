/**
 * Calls to a worker over HTTP. A call carries the name of its operation, so that it can be repeated after a
 * lost answer without being applied twice; connections that break are tried again with growing pauses.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, EngineError, StoreError } from '../../support/errors.ts';
import { encodeFrame, type Frame, FrameReader, type WireArray, type WireHeader } from './frames.ts';

/** What this client speaks; the worker's is in its `__init__.py`. */
export const PROTOCOL = 4;
/** The worker that belongs to this troupe. */
export const WORKER_VERSION = '0.1.0';

export interface ConnectionOptions {
  readonly url: string;
  readonly token: string;
  /** Name of the engine in messages. Default `torch`. */
  readonly engine?: string;
  /** How long a broken connection is tried again. Default 60 000. */
  readonly retryMs?: number;
  /** Longest silence of a worker, which says that it lives every 5 s. Default 60 000. */
  readonly silenceMs?: number;
  /** How long who takes the connection may take to say who it is. Default 20 000. */
  readonly helloMs?: number;
  /** Longest time for one call. Default one hour. */
  readonly deadlineMs?: number;
  /** Why the worker will never answer again, if so. */
  readonly death?: () => string | undefined;
  /** Told of every call that was answered. */
  readonly onCall?: ((call: FinishedCall) => void) | undefined;
}

/** A call that was answered: how long it took, and how much of that the worker computed. */
export interface FinishedCall {
  readonly call: string;
  readonly model?: string | undefined;
  /** When it began, since 1970. */
  readonly startMs: number;
  readonly elapsedMs: number;
  readonly computeMs: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Token ids that were sent and received: those the call is about. */
  readonly tokens: number;
}

export interface Call {
  readonly call: string;
  readonly model?: string;
  readonly params?: WireHeader;
  readonly arrays?: Readonly<Record<string, WireArray>>;
  readonly signal?: AbortSignal | undefined;
  /** Told of every frame before the last, once. */
  readonly onFrame?: (frame: Frame) => void;
}

/** A call whose model is understood. */
export type ModelCall = Omit<Call, 'model'>;

/** What a worker says of itself. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  readonly protocol: number;
  readonly device: string;
  readonly torch: string;
  /** Version of vLLM, where it is installed. */
  readonly vllm?: string | null;
  /** Of a cluster's front. */
  readonly nodes?: number;
  readonly cpus?: number;
  readonly gpus?: number;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

type Optional = 'death' | 'onCall';

/** The answer to a call did not come; asking again is safe. */
class LostAnswer extends Error {}

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

  /** `engine torch`: how messages begin. */
  get #who(): string {
    return `engine ${this.#options.engine}`;
  }

  /**
   * @param retryMs - how long to knock where nobody answers
   * @throws EngineError if nobody answers, or not in time, the token is wrong, or another version answers
   */
  async hello(retryMs = this.#options.retryMs): Promise<Hello> {
    const knock = () => this.#knock();
    const { body } = await this.#retried('hello', knock, { retryMs });
    const hello = parsedHello(body.toString());
    if (hello.name !== 'troupe-worker')
      throw new EngineError(`${this.#who}: expected a troupe worker at ${this.url}, got something else`, {
        code: 'TROUPE_WORKER_ADDRESS',
      });
    if (hello.protocol !== PROTOCOL)
      throw new EngineError(
        `${this.#who}: expected a worker that speaks protocol ${PROTOCOL}, got ${hello.protocol} ` +
          `(troupe-worker ${hello.version} at ${this.url}); install the worker that belongs to this troupe`,
        { code: 'TROUPE_WORKER_VERSION' },
      );
    if (hello.version !== WORKER_VERSION)
      throw new EngineError(
        `${this.#who}: expected troupe-worker ${WORKER_VERSION}, got ${hello.version} at ${this.url}; install the worker that belongs to this troupe`,
        { code: 'TROUPE_WORKER_VERSION' },
      );
    return hello as Hello;
  }

  /** Whoever takes a connection and says nothing is not asked again: it is no worker, or one that hangs. */
  async #knock(): Promise<{ readonly body: Buffer }> {
    const { helloMs } = this.#options;
    const limit = AbortSignal.timeout(helloMs);
    try {
      return await this.#plain('GET', '/v1/hello', limit);
    } catch (error) {
      if (!limit.aborted) throw error;
      throw new EngineError(
        `${this.#who} hello: expected an answer from ${this.url} within ${helloMs / 1000} s, got none; ` +
          'is it a troupe worker? one that hangs must be started again',
        { code: 'TROUPE_WORKER_SILENT', cause: error },
      );
    }
  }

  /**
   * @returns the last frame, of kind `result`
   * @throws the signal's reason when it aborts; EngineError, ConfigError or StoreError for what went wrong there
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
    let told = 0; // a repeated call hears everything from the beginning
    const attempt = async (): Promise<Frame> => {
      const ends: Frame[] = [];
      let heard = 0;
      receivedBytes += await this.#frames('/v1/call', body, signal, (frame) => {
        if (frame.header.kind === 'heartbeat') return;
        tokens += frame.arrays.get('tokens')?.length ?? 0;
        if (frame.header.kind === 'result' || frame.header.kind === 'error') ends.push(frame);
        else if (heard++ === told && !signal?.aborted) {
          told++;
          onFrame?.(frame);
        }
      });
      const [end] = ends;
      if (end === undefined) throw new LostAnswer('the answer was cut short');
      return end;
    };
    let result: Frame;
    try {
      result = await this.#retried(call.call, attempt, { signal });
    } catch (error) {
      if (signal?.aborted) this.#cancel(names);
      throw error;
    }
    signal?.throwIfAborted(); // the last of the answer may have been here by then
    const { header } = result;
    if (header.kind === 'error') throw workerError(`${this.#who} ${call.call}`, header.error);
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

  /** A sign of life for workers that outlive their clients. */
  async ping(): Promise<void> {
    const body = encodeFrame({ session: this.#session });
    await this.#frames('/v1/ping', body, AbortSignal.timeout(this.#options.silenceMs), () => {});
  }

  close(): void {
    this.#agent.destroy();
  }

  #cancel(names: WireHeader): void {
    const asked = this.#frames('/v1/cancel', encodeFrame(names), AbortSignal.timeout(5_000), () => {});
    asked.catch(() => {}); // a worker that cannot be told ends the call at its deadline
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
            ? 'start one there with "troupe worker up"'
            : 'a run that was training is saved, resume it';
        throw new EngineError(`${this.#who} ${what}: ${why}; ${advice}`, {
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
    if (reader.pending > 0 || !response.complete) throw new LostAnswer('the answer was cut short');
    return received;
  }

  async #plain(method: string, path: string, signal: AbortSignal): Promise<{ readonly body: Buffer }> {
    const response = await this.#send(method, path, { signal });
    const parts: Buffer[] = [];
    for await (const bytes of response as AsyncIterable<Buffer>) parts.push(bytes);
    return { body: Buffer.concat(parts) };
  }

  /** @returns a response whose status is 200 */
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
      asked.on('timeout', () => asked.destroy(new LostAnswer(`silent for ${silenceMs / 1000} s`)));
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
        `${this.#who}: the worker at ${url} does not take this token; set TROUPE_WORKER_TOKEN to the one it was started with`,
        { code: 'TROUPE_WORKER_TOKEN' },
      );
    throw new EngineError(
      `${this.#who}: expected a troupe worker at ${url}, got HTTP ${response.statusCode} for ${path}`,
      {
        code: 'TROUPE_WORKER_ADDRESS',
      },
    );
  }
}

/**
 * A request that is aborted once its answer is there, but not yet read to the end, destroys its socket after Node has
 * taken its own listener from it: the error would then be nobody's and end the process.
 */
function hearErrors(socket: Socket): void {
  if (!socket.listeners('error').includes(ignore)) socket.on('error', ignore);
}

function ignore(): void {} // whoever waits for the request hears of it too

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

/** The worker's one line, in the class that fits. */
function workerError(where: string, value: unknown): Error {
  const { kind, message } = value as { readonly kind: string; readonly message: string }; // our own worker wrote it
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

/** What somebody says of himself; nothing where it is no JSON object. */
function parsedHello(text: string): Partial<Hello> {
  try {
    const said: unknown = JSON.parse(text);
    return typeof said === 'object' && said !== null ? said : {};
  } catch {
    return {};
  }
}
