/**
 * Serves a team: loads its models and starts a server. Closing stops the server and unloads the models.
 * @module
 */
import type { Override } from '../config/overrides.ts';
import type { TeamFile } from '../config/schema.ts';
import type { ServeFile } from '../config/serve-file.ts';
import type { LogLevel, ServerLog } from '../serve/http/log.ts';
import { DEFAULT_SERVER_OPTIONS as DEFAULTS, type ServerOptions } from '../serve/options.ts';
import type { ServedTeam } from '../serve/team/served-team.ts';
import { warnIfNotNewest } from './find-team.ts';
import type { DownloadOptions } from './hub-models.ts';
import { packageVersion } from './package-version.ts';

/** Request to serve a team. Its options override the serve file, which overrides the defaults. */
export interface ServeRequest extends DownloadOptions {
  /**
   * Run folder (the team to deploy is used), checkpoint folder, path of a team file or serve file, or a team
   * file as an object.
   */
  readonly team: string | TeamFile;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Port to listen on; 0: any free port. Default: 8080. */
  readonly port?: number;
  /** Path of the key file. Default: clients need no API key. */
  readonly keys?: string;
  /** Whether the server may listen on a public address without API keys. */
  readonly allowUnauthenticated?: boolean;
  /** Minimum number of agents that must answer. With fewer, a request fails. */
  readonly minAgents?: number;
  /** Accepted values of `Host` besides those of this machine. Used only if clients need no API key. */
  readonly allowedHosts?: readonly string[];
  readonly logLevel?: LogLevel;
  /** Whether the log contains prompts and answers. */
  readonly logPrompts?: boolean;
  /** Values that override fields of the team file. */
  readonly overrides?: readonly Override[];
  /** Creates the log for a level. Default: nothing is logged. */
  readonly createLog?: (level: LogLevel) => ServerLog;
}

export interface RunningServer {
  /** Base URL, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly team: ServedTeam;
  /** Path of the key file; undefined: clients need no API key. */
  readonly keys: string | undefined;
  /** Resolves when the server is closed, by {@link close} or by the signal. Rejects if closing fails. */
  readonly closed: Promise<void>;
  /** Finishes accepted requests, then closes the server and the models. */
  close(): Promise<void>;
}

/**
 * Serves a team until {@link RunningServer.close} is called or the signal aborts.
 *
 * @returns the server, which is already listening
 * @throws ConfigError; StoreError if a checkpoint is damaged; the signal's reason if it aborts before the
 *   start
 *
 * @example
 * const server = await serve({ team: 'runs/quickstart-1', port: 0 });
 * await fetch(`${server.url}/v1/models`);
 * await server.close();
 */
export async function serve(request: ServeRequest): Promise<RunningServer> {
  const { overrides = [], minAgents, allowUnauthenticated = false, createLog } = request;
  const { signal, onEvent, env } = request;
  // imported here, so that importing the library does not load the server
  const { composeServedTeam } = await import('./served-team.ts');
  const { startServer } = await import('../serve/server.ts');
  const { SILENT_LOG } = await import('../serve/http/log.ts');
  const composed = await composeServedTeam(request.team, {
    ...{ overrides, signal, onEvent, env },
    ...(minAgents === undefined ? {} : { minAgents }),
  });
  const { team, settings } = composed;
  try {
    signal?.throwIfAborted();
    const server = await startServer(team, {
      options: serverOptions(settings, request),
      allowUnauthenticated,
      version: packageVersion(),
      log: createLog?.(request.logLevel ?? settings.log_level ?? 'info') ?? SILENT_LOG,
    });
    warnIfNotNewest(composed.stored, request);
    const closeAll = async (): Promise<void> => {
      await server.close();
      await composed.close();
    };
    let closing: Promise<void> | undefined;
    let settle = (_: Promise<void>): void => {};
    const closed = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const close = (): Promise<void> => {
      closing ??= closeAll();
      settle(closing);
      // prevents unhandled rejections if the caller does not await `close` or `closed`
      closing.catch(() => {});
      closed.catch(() => {});
      return closing;
    };
    signal?.addEventListener('abort', () => void close(), { once: true });
    if (signal?.aborted) void close(); // aborted while the server started
    return { url: server.url, team, keys: request.keys ?? settings.keys, closed, close };
  } catch (error) {
    await composed.close();
    throw error;
  }
}

function serverOptions(settings: ServeFile['server'], options: ServeRequest): ServerOptions {
  const milliseconds = (seconds: number | undefined, otherwise: number): number =>
    seconds === undefined ? otherwise : seconds * 1000;
  const keys = options.keys ?? settings.keys;
  const allowedHosts = options.allowedHosts ?? settings.allow_hosts ?? DEFAULTS.allowedHosts;
  return {
    host: options.host ?? settings.host ?? DEFAULTS.host,
    port: options.port ?? settings.port ?? DEFAULTS.port,
    ...(keys === undefined ? {} : { keys }),
    keyLimits: {
      requestsPerMinute: settings.requests_per_minute ?? DEFAULTS.keyLimits.requestsPerMinute,
      concurrency: settings.concurrency ?? DEFAULTS.keyLimits.concurrency,
    },
    api: {
      maxChoices: settings.max_choices ?? DEFAULTS.api.maxChoices,
      maxTokens: settings.max_tokens ?? DEFAULTS.api.maxTokens,
    },
    maxRunning: settings.max_running ?? DEFAULTS.maxRunning,
    maxWaiting: settings.max_waiting ?? DEFAULTS.maxWaiting,
    bodyBytes: settings.body_kb === undefined ? DEFAULTS.bodyBytes : settings.body_kb * 1024,
    requestTimeoutMs: milliseconds(settings.request_timeout_s, DEFAULTS.requestTimeoutMs),
    receiveTimeoutMs: milliseconds(settings.receive_timeout_s, DEFAULTS.receiveTimeoutMs),
    drainTimeoutMs: milliseconds(settings.drain_timeout_s, DEFAULTS.drainTimeoutMs),
    allowedHosts: allowedHosts.map((name) => name.toLowerCase()),
    logPrompts: options.logPrompts ?? settings.log_prompts ?? DEFAULTS.logPrompts,
  };
}
