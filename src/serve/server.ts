/**
 * A server from its first connection to its last: it listens, and when told to stop it finishes what it
 * accepted before it goes.
 * @module
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAdaptorServer } from '@hono/node-server';
import { ConfigError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';
import { Admission } from './access/admission.ts';
import { Authenticator } from './access/authenticator.ts';
import { KeyLimits } from './access/key-limits.ts';
import { ModelTable } from './api/models.ts';
import { createApp } from './http/app.ts';
import { isLoopback } from './http/host.ts';
import { createLog, type ServerLog } from './http/log.ts';
import { ServerMetrics } from './http/metrics.ts';
import type { ServerOptions } from './options.ts';
import type { ServedTeam } from './team/served-team.ts';

export interface StartOptions {
  readonly options: ServerOptions;
  /** Says that a public address without keys is meant. */
  readonly withoutKeys?: boolean;
  /** Of troupe. */
  readonly version: string;
  /** Default: JSON lines on standard error. */
  readonly log?: ServerLog;
}

const POLL_MS = 20;
/**
 * Requests that are on their way when it is told to stop still find somebody to say so. Counted in looks at the
 * connections, for a process that was held up meanwhile has not looked, whatever the clock says.
 */
const GRACE_LOOKS = 15;
const GRACE_MS = GRACE_LOOKS * POLL_MS;

/**
 * @throws ConfigError if it must not or cannot listen where it was told to
 */
export async function startServer(team: ServedTeam, start: StartOptions): Promise<TeamServer> {
  const { options } = start;
  const authenticator = options.keys === undefined ? undefined : new Authenticator(options.keys);
  if (authenticator?.keyCount === 0)
    throw new ConfigError(
      `${options.keys}: expected at least one API key, got none; add one with troupe serve keys add NAME --file ${options.keys}`,
    );
  if (authenticator === undefined && !isLoopback(options.host) && start.withoutKeys !== true)
    throw new ConfigError(
      `serve: expected API keys (--keys FILE) to listen on ${options.host}, which other machines can reach, got none; --no-auth says that this is meant`,
    );
  const server = new TeamServer(team, { ...start, authenticator });
  await server.listen();
  return server;
}

export class TeamServer {
  readonly #options: ServerOptions;
  readonly #door: Admission;
  readonly #server: Server;
  readonly #log: ServerLog;
  #pending = 0;
  #stopping: Promise<void> | undefined;

  /** Made by {@link startServer}. */
  constructor(team: ServedTeam, start: StartOptions & { readonly authenticator: Authenticator | undefined }) {
    const { options, version, authenticator } = start;
    this.#options = options;
    this.#log = start.log ?? createLog(options.logLevel);
    this.#door = new Admission(options);
    const app = createApp({
      team,
      models: new ModelTable(team, Math.floor(Date.now() / 1000)),
      options,
      authenticator,
      limits: new KeyLimits(),
      door: this.#door,
      metrics: new ServerMetrics({
        running: () => this.#door.running,
        waiting: () => this.#door.waiting,
        team,
      }),
      log: this.#log,
      version,
      accept: () => {
        this.#pending++;
        return () => this.#pending--;
      },
      isStopping: () => this.#stopping !== undefined,
    });
    this.#server = createAdaptorServer({
      fetch: app.fetch,
      // the runtime's own classes stay as they are: members fetch with them
      overrideGlobalObjects: false,
      serverOptions: {
        headersTimeout: options.receiveTimeoutMs,
        requestTimeout: options.receiveTimeoutMs,
        keepAliveTimeout: 30_000,
        connectionsCheckingInterval: Math.min(1000, options.receiveTimeoutMs),
        maxHeaderSize: 16 * 1024,
      },
    }) as Server; // no http2 option: it is the plain kind
    this.#server.maxRequestsPerSocket = 0;
    // silent for longer than any answer may take: a client that does not read what it asked for
    this.#server.timeout = options.requestTimeoutMs + options.receiveTimeoutMs;
  }

  /** Completions that were accepted and are not over. */
  get pending(): number {
    return this.#pending;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** @throws ConfigError if the address cannot be had */
  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const onError = (cause: Error): void => {
        const code = systemErrorCode(cause);
        const what =
          code === 'EADDRINUSE'
            ? 'one that is taken'
            : code === 'EACCES'
              ? 'one that needs more rights'
              : `${code}`;
        reject(
          new ConfigError(
            `serve: expected a free address, got ${host}:${port}, ${what}; choose another with --port`,
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
    // a connection that could not be taken, for want of file descriptors say, ends no others
    this.#server.on('error', (err) => this.#log.error({ err }, 'a connection could not be accepted'));
  }

  /**
   * Finishes accepted requests and refuses new ones, which get an answer that says so; then closes. Sockets
   * that are open between two requests are closed last, because one may be on its way.
   *
   * @returns when everything is closed
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#drain();
    return this.#stopping;
  }

  async #drain(): Promise<void> {
    const deadline = performance.now() + this.#options.drainTimeoutMs;
    this.#log.info({ pending: this.pending }, 'stopping: accepted requests are finished, new ones refused');
    for (let looks = 0; this.pending > 0 || looks < GRACE_LOOKS; looks++) {
      if (performance.now() >= deadline) break;
      await sleep(POLL_MS);
    }
    if (this.pending > 0)
      this.#log.error({ pending: this.pending }, 'stopped before these requests were finished');
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // answers that are finished may still be on their way out
    const flushed = performance.now() + Math.min(2000, Math.max(0, deadline - performance.now()));
    await Promise.race([closed, sleep(Math.max(GRACE_MS, flushed - performance.now()))]);
    this.#server.closeAllConnections();
    await closed;
    this.#log.info({}, 'stopped');
  }
}
