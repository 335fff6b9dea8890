/**
 * Serves a team: loads it, starts a server, and closes both.
 * @module
 */
import type { Override } from '../config/overrides.ts';
import type { TeamFile } from '../config/schema.ts';
import type { ServeFile } from '../config/serve-file.ts';
import { type LogLevel, type ServerLog, SILENT_LOG } from '../serve/http/log.ts';
import { DEFAULT_SERVER_OPTIONS as DEFAULTS, type ServerOptions } from '../serve/options.ts';
import { startServer } from '../serve/server.ts';
import type { ServedTeam } from '../serve/team/served-team.ts';
import type { DownloadOptions } from './hub-models.ts';
import { packageVersion } from './package-version.ts';
import { composeServedTeam } from './served-team.ts';

/** Options that are set take precedence over the serve file, which takes precedence over the defaults. */
export interface ServeRequest extends DownloadOptions {
  /** Run folder (its champion), checkpoint inside one, path of a team file or a serve file, or a team file's keys. */
  readonly team: string | TeamFile;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** 0: any free port. Default: 8080. */
  readonly port?: number;
  /** Path of the key file. Default: clients need no API key. */
  readonly keys?: string;
  /** Allows a public address without API keys. */
  readonly allowUnauthenticated?: boolean;
  /** Fewest agents that must answer for the team to answer. */
  readonly minAgents?: number;
  /** Values of `Host` that are accepted besides those of this machine, where clients need no API key. */
  readonly allowedHosts?: readonly string[];
  readonly logLevel?: LogLevel;
  /** Whether prompts and answers are logged. */
  readonly logPrompts?: boolean;
  /** Overrides of fields of the team file. */
  readonly overrides?: readonly Override[];
  /** Creates the log for the chosen level. Default: nothing is logged. */
  readonly createLog?: (level: LogLevel) => ServerLog;
}

export interface RunningServer {
  /** Base URL, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly team: ServedTeam;
  /** Path of the key file; undefined: clients need no API key. */
  readonly keys: string | undefined;
  /** Settles when the server is closed, by {@link close} or by the signal. */
  readonly closed: Promise<void>;
  /** Finishes accepted requests, then closes the server and the models. */
  close(): Promise<void>;
}

/**
 * Serves a team until {@link RunningServer.close}, or until the signal aborts.
 *
 * @returns the server, which listens already
 * @throws ConfigError; StoreError if a checkpoint is damaged; the signal's reason if it aborts before the start
 *
 * @example
 * const server = await serve({ team: 'runs/quickstart-1', port: 0 });
 * await fetch(`${server.url}/v1/models`);
 * await server.close();
 */
export async function serve(request: ServeRequest): Promise<RunningServer> {
  const { overrides = [], minAgents, allowUnauthenticated = false, createLog } = request;
  const { signal, onEvent, env } = request;
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
      // the caller may await `close`, `closed`, or neither
      closing.catch(() => {});
      closed.catch(() => {});
      return closing;
    };
    signal?.addEventListener('abort', () => void close(), { once: true });
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
