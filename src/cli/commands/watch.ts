/**
 * `troupe watch RUN...`: a run as it goes and afterwards, in a browser, in a terminal, or as lines for
 * other programs.
 * @module
 */

import { DEFAULT_PORT } from '../../app/training-views.ts';
import { exportTensorBoard, streamRows, watchInTerminal } from '../../app/watch.ts';
import { createScreen } from '../../observe/screen.ts';
import { startDashboard } from '../../serve/dashboard/server.ts';
import { ConfigError } from '../../support/errors.ts';
import { type WatchedRuns, watchRuns } from '../../watch/watched-runs.ts';
import { portNumber } from '../arguments.ts';
import type { DefineVerb } from '../command.ts';

interface WatchFlags {
  readonly port?: number;
  readonly tty?: boolean;
  readonly json?: boolean;
  readonly tensorboard?: string;
}

export const defineWatch: DefineVerb = (program, { overrides }) => {
  program
    .command('watch')
    .description('look at runs while they train and afterwards: a dashboard in the browser')
    .argument('<runs...>', 'run folders')
    .option('--port <port>', `port of this machine (default: ${DEFAULT_PORT}; 0: any free one)`, portNumber)
    .option('--tty', 'in the terminal instead')
    .option('--json', 'events as JSON lines on standard output instead, until no run is written any more')
    .option('--tensorboard <dir>', 'metrics as TensorBoard event files instead, likewise')
    .action(async (dirs: string[], flags: WatchFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, runs have their own`);
      const instead = (['tty', 'json', 'tensorboard'] as const).filter((name) => flags[name] !== undefined);
      if (instead.length > 1)
        throw new ConfigError(
          `watch: expected at most one of --tty, --json and --tensorboard, got ${instead.map((name) => `--${name}`).join(' and ')}`,
        );
      const watched = watchRuns(dirs);
      const stopped = untilStopped();
      try {
        if (flags.json) await streamRows(watched, process.stdout, stopped.signal);
        else if (flags.tty) await watchInTerminal(watched, createScreen(process.stdout), stopped.signal);
        else if (flags.tensorboard !== undefined)
          await exportTensorBoard(watched, flags.tensorboard, stopped.signal);
        else await serveDashboard(watched, flags.port ?? DEFAULT_PORT, stopped.signal);
      } finally {
        stopped.release();
        watched.close();
      }
    });
};

async function serveDashboard(watched: WatchedRuns, port: number, signal: AbortSignal): Promise<void> {
  const dashboard = await startDashboard(watched, port);
  const what = watched.runs.length === 1 ? watched.runs[0]!.label : `${watched.runs.length} runs`;
  process.stdout.write(`watching ${what} at ${dashboard.url}  (Ctrl-C ends)\n`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await dashboard.close();
}

/** Looking has nothing to finish: the first Ctrl-C or SIGTERM ends it, as done. */
function untilStopped(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, stop);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, stop);
    },
  };
}
