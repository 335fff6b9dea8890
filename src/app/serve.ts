/**
 * What `troupe serve` does: loads the team, listens, and stops when told to, after the requests it accepted.
 * @module
 */
import type { Override } from '../config/overrides.ts';
import type { ServeFile } from '../config/serve-file.ts';
import type { LogLevel } from '../serve/http/log.ts';
import { DEFAULT_SERVER, type ServerOptions } from '../serve/options.ts';
import { startServer, type TeamServer } from '../serve/server.ts';
import { packageVersion } from './package-version.ts';
import { composeServedTeam } from './served-team.ts';

/** Shell convention for a process that was told twice. */
const INTERRUPTED = 130;

export interface ServeFlags {
  readonly host?: string;
  readonly port?: number;
  readonly keys?: string;
  readonly auth: boolean;
  readonly minMembers?: number;
  readonly allowHost?: string[];
  readonly logLevel?: LogLevel;
  readonly logPrompts?: boolean;
}

export interface ServeRequest {
  readonly flags: ServeFlags;
  readonly overrides: readonly Override[];
}

/** Serves until SIGINT or SIGTERM; a second one ends it at once. */
export async function serve(path: string, { flags, overrides }: ServeRequest): Promise<void> {
  const {
    team,
    server: settings,
    close,
  } = await composeServedTeam(path, {
    overrides,
    ...(flags.minMembers === undefined ? {} : { minMembers: flags.minMembers }),
  });
  try {
    const options = serverOptions(settings, flags);
    const server = await startServer(team, { options, withoutKeys: !flags.auth, version: packageVersion() });
    // before anybody is told where it is, who may tell it to stop at once
    const stopped = untilStopped(server);
    const members = team.members.map(({ name, kind }) => (kind === 'embedded' ? name : `${name} (endpoint)`));
    process.stdout.write(
      `serving "${team.name}" at ${server.url}: ${team.protocol.name} of ${members.join(', ')}\n` +
        `chat      ${server.url}/\nAPI       ${server.url}/v1 (model: team${members.map((_, id) => `, ${team.members[id]?.name}`).join('')})\n` +
        `keys      ${options.keys ?? 'none needed'}\n`,
    );
    await stopped;
  } finally {
    await close();
  }
}

/** Flags win over the serve file, which wins over the defaults. */
export function serverOptions(settings: ServeFile['server'], flags: ServeFlags): ServerOptions {
  const d = DEFAULT_SERVER;
  const ms = (seconds: number | undefined, otherwise: number): number =>
    seconds === undefined ? otherwise : seconds * 1000;
  const keys = flags.keys ?? settings.keys;
  return {
    host: flags.host ?? settings.host ?? d.host,
    port: flags.port ?? settings.port ?? d.port,
    ...(keys === undefined ? {} : { keys }),
    keyLimits: {
      requestsPerMinute: settings.requests_per_minute ?? d.keyLimits.requestsPerMinute,
      concurrency: settings.concurrency ?? d.keyLimits.concurrency,
    },
    api: {
      maxChoices: settings.max_choices ?? d.api.maxChoices,
      maxTokens: settings.max_tokens ?? d.api.maxTokens,
    },
    maxRunning: settings.max_running ?? d.maxRunning,
    maxWaiting: settings.max_waiting ?? d.maxWaiting,
    bodyBytes: settings.body_kb === undefined ? d.bodyBytes : settings.body_kb * 1024,
    requestTimeoutMs: ms(settings.request_timeout_s, d.requestTimeoutMs),
    receiveTimeoutMs: ms(settings.receive_timeout_s, d.receiveTimeoutMs),
    drainTimeoutMs: ms(settings.drain_timeout_s, d.drainTimeoutMs),
    allowedHosts: (flags.allowHost ?? settings.allow_hosts ?? d.allowedHosts).map((name) =>
      name.toLowerCase(),
    ),
    logLevel: flags.logLevel ?? settings.log_level ?? d.logLevel,
    logPrompts: flags.logPrompts ?? settings.log_prompts ?? d.logPrompts,
  };
}

async function untilStopped(server: TeamServer): Promise<void> {
  let wasTold = false;
  await new Promise<void>((resolve, reject) => {
    const onSignal = (): void => {
      if (wasTold) process.exit(INTERRUPTED);
      wasTold = true;
      process.stderr.write('finishing accepted requests; once more stops at once\n');
      server.stop().then(resolve, reject);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
