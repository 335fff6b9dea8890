/**
 * Starts a server for a team. When the server closes, it first finishes the requests that it accepted.
 * `http/app.ts` lists the files that a request passes. A server writes only to its `log` option and handles
 * no process signals.
 * @module
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { ConfigError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';
import { AdmissionControl } from './access/admission-control.ts';
import { ApiKeys } from './access/api-keys.ts';
import { RateLimiter } from './access/rate-limiter.ts';
import { ModelTable } from './api/models.ts';
import { isLoopback } from './http/allowed-hosts.ts';
import { createApp } from './http/app.ts';
import { type ServerLog, SILENT_LOG } from './http/log.ts';
import { ServerMetrics } from './http/metrics.ts';
import { DEFAULT_SERVER_OPTIONS, type ServerOptions } from './options.ts';
import type { ServedTeam } from './team/served-team.ts';

export interface StartOptions {
  /** Options that differ from {@link DEFAULT_SERVER_OPTIONS}. */
  readonly options?: Partial<ServerOptions>;
  /** Whether the server may listen on a public address without API keys. Default: false. */
  readonly allowUnauthenticated?: boolean;
  /** Version of troupe, for the OpenAPI document. */
  readonly version: string;
  /** Log of the server. Default: nothing is logged. */
  readonly log?: ServerLog;
  /** Signal that closes the server when it aborts. */
  readonly signal?: AbortSignal;
}

const POLL_MS = 20;
/**
 * Number of polls during which a closing server keeps listening, so that in-flight requests get a 503. The
 * server counts polls instead of time: while the process is blocked, time passes but no connection is read.
 */
const GRACE_POLLS = 15;
const GRACE_MS = GRACE_POLLS * POLL_MS;
/** Longest time for flushing the socket buffers when the server closes, milliseconds. */
const FLUSH_MS = 2000;

/**
 * Starts a server and waits until it listens.
 *
 * @example
 * const server = await startServer(team, { options: { port: 0 }, version });
 * console.log(server.url);
 * await server.close();
 *
 * @throws ConfigError if the address is not available, the key file is unusable or empty, or the address is
 *   public and clients need no API key
 */
export async function startServer(team: ServedTeam, start: StartOptions): Promise<TeamServer> {
  start.signal?.throwIfAborted();
  const options = { ...DEFAULT_SERVER_OPTIONS, ...start.options };
  const apiKeys = options.keys === undefined ? undefined : new ApiKeys(options.keys);
  if (apiKeys?.count === 0)
    throw new ConfigError(
      `${options.keys}: expected at least one API key, got none; add one with troupe serve keys add NAME --file ${options.keys}`,
    );
  if (apiKeys === undefined && !isLoopback(options.host) && start.allowUnauthenticated !== true)
    throw new ConfigError(
      `serve: expected API keys (--keys FILE) to listen on ${options.host}, which other machines can reach, got none; --no-auth allows it`,
    );
  const server = new TeamServer(team, { ...start, options, apiKeys });
  await server.listen();
  start.signal?.addEventListener('abort', () => void server.close(), { once: true });
  return server;
}

interface TeamServerOptions extends Omit<StartOptions, 'options'> {
  readonly options: ServerOptions;
  readonly apiKeys: ApiKeys | undefined;
}

/** A running server. {@link startServer} creates it. */
export class TeamServer {
  readonly #options: ServerOptions;
  readonly #server: Server;
  readonly #log: ServerLog;
  #pending = 0;
  #closing: Promise<void> | undefined;

  constructor(team: ServedTeam, { options, apiKeys, version, log = SILENT_LOG }: TeamServerOptions) {
    this.#options = options;
    this.#log = log;
    const admission = new AdmissionControl(options);
    const app = createApp({
      team,
      models: new ModelTable(team, Math.floor(Date.now() / 1000)),
      options,
      apiKeys,
      rateLimiter: new RateLimiter(),
      admission,
      metrics: new ServerMetrics({
        running: () => admission.running,
        waiting: () => admission.waiting,
        team,
      }),
      log,
      version,
      countPending: () => {
        this.#pending++;
        return () => this.#pending--;
      },
      isStopping: () => this.#closing !== undefined,
    });
    this.#server = createAdaptorServer({
      fetch: app.fetch,
      overrideGlobalObjects: false, // a library must not replace `Request` and `Response`
      serverOptions: {
        headersTimeout: options.receiveTimeoutMs,
        requestTimeout: options.receiveTimeoutMs,
        keepAliveTimeout: 30_000,
        connectionsCheckingInterval: Math.min(1000, options.receiveTimeoutMs),
        maxHeaderSize: 16 * 1024,
      },
    }) as Server; // the adapter creates an HTTP/1 server unless the http2 option is set
    this.#server.maxRequestsPerSocket = 0;
    // closes connections that are idle longer than any response takes, because their client does not read
    this.#server.timeout = options.requestTimeoutMs + options.receiveTimeoutMs;
  }

  /** Number of accepted generation requests that are not finished. */
  get pending(): number {
    return this.#pending;
  }

  /** Base URL, such as `http://127.0.0.1:8080`. */
  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** @throws ConfigError if the address is not available */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const code = systemErrorCode(cause);
        const reason =
          code === 'EADDRINUSE'
            ? 'which is in use'
            : code === 'EACCES'
              ? 'which needs more privileges'
              : `${code}`;
        reject(
          new ConfigError(
            `serve: expected a free address, got ${host}:${port}, ${reason}; choose another with --port`,
            { cause },
          ),
        );
      };
      this.#server.once('error', onError);
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError);
        resolve();
      });
    });
    // an error of accepting a connection, e.g. for lack of file descriptors, must not end the process
    this.#server.on('error', (err) => this.#log.error({ err }, 'a connection could not be accepted'));
  }

  /**
   * Closes the server: new requests get a 503, accepted requests are finished within `drainTimeoutMs`, then
   * all connections are closed. Idle connections are closed last, because a request may be in flight on them.
   *
   * @returns a promise that resolves when all connections are closed
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async #drain(): Promise<void> {
    const deadline = performance.now() + this.#options.drainTimeoutMs;
    this.#log.info({ pending: this.pending }, 'stopping: finishing accepted requests, refusing new ones');
    for (let polls = 0; this.pending > 0 || polls < GRACE_POLLS; polls++) {
      if (performance.now() >= deadline) break;
      await sleep(POLL_MS);
    }
    if (this.pending > 0) this.#log.error({ pending: this.pending }, 'stopping with unfinished requests');
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // waits until socket buffers are flushed, because they may still contain finished responses
    const flushMs = Math.min(FLUSH_MS, Math.max(0, deadline - performance.now()));
    await Promise.race([closed, sleep(Math.max(GRACE_MS, flushMs))]);
    this.#server.closeAllConnections();
    await closed;
    this.#log.info({}, 'stopped');
  }
}
