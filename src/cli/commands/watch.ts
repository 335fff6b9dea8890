/**
 * `troupe watch RUN...` shows runs during and after training: in a browser, in the terminal, or as JSON
 * lines.
 * @module
 */
import { exportTensorBoard, openRuns, pause, watch, watchInBrowser } from '../../app/watch.ts';
import { createRunsScreen } from '../../observe/runs-screen.ts';
import { createScreen } from '../../observe/screen.ts';
import { ConfigError } from '../../support/errors.ts';
import { DEFAULT_DASHBOARD_PORT, portNumber } from '../arguments.ts';
import type { DefineCommand } from '../command.ts';

interface WatchFlags {
  readonly port?: number;
  readonly tty?: boolean;
  readonly json?: boolean;
  readonly tensorboard?: string;
}

/** Interval between two updates of the terminal, ms. */
const REDRAW_MS = 1000;

export const defineWatch: DefineCommand = (program, { overrides }) => {
  program
    .command('watch')
    .description('follow running and finished runs: a dashboard in the browser, a terminal view')
    .argument('<runs...>', 'run folders')
    .option(
      '--port <port>',
      `port of this machine (default: ${DEFAULT_DASHBOARD_PORT}; 0: any free one)`,
      portNumber,
    )
    .option('--tty', 'in the terminal instead')
    .option('--json', 'events as JSON lines on standard output instead, until no run is written any more')
    .option('--tensorboard <dir>', 'metrics as TensorBoard event files instead, likewise')
    .action(async (runs: string[], flags: WatchFlags) => {
      const [given] = overrides;
      if (given !== undefined)
        throw new ConfigError(`${given.flag}: expected no field of a team file, runs have their own`);
      const instead = (['tty', 'json', 'tensorboard'] as const).filter((name) => flags[name] !== undefined);
      if (instead.length > 1)
        throw new ConfigError(
          `watch: expected at most one of --tty, --json and --tensorboard, got ${instead.map((name) => `--${name}`).join(' and ')}`,
        );
      const { signal, release } = untilStopped();
      try {
        if (flags.json) await watchAsJson(runs, signal);
        else if (flags.tty) await watchInTerminal(runs, signal);
        else if (flags.tensorboard !== undefined)
          await exportTensorBoard({ runs, signal }, flags.tensorboard);
        else await watchInBrowser({ runs, signal, port: flags.port ?? DEFAULT_DASHBOARD_PORT, onListening });
      } finally {
        release();
      }
    });
};

/** Writes every event row as a JSON line `{"run": label, ...row}`. */
async function watchAsJson(runs: readonly string[], signal: AbortSignal): Promise<void> {
  const begun = new Set<string>();
  const write = (run: string, row: object): void => {
    process.stdout.write(`${JSON.stringify({ run, ...row })}\n`);
  };
  await watch({ runs, signal }, (run, rows, restarted) => {
    if (restarted && begun.has(run)) write(run, { kind: 'restarted' });
    begun.add(run);
    for (const row of rows) write(run, row);
  });
}

/**
 * Updates the terminal until no process writes to the runs or the signal aborts. If the output is a pipe,
 * draws once.
 */
async function watchInTerminal(runs: readonly string[], signal: AbortSignal): Promise<void> {
  const hub = openRuns(runs);
  const screen = createScreen(process.stdout);
  const shown = createRunsScreen(hub.runs, screen);
  const unsubscribe = hub.subscribe(shown.add);
  try {
    shown.draw();
    while (screen.isLive && hub.isRunning() && !signal.aborted) {
      await pause(REDRAW_MS, signal);
      shown.draw();
    }
  } finally {
    unsubscribe();
    screen.close();
    hub.close();
  }
}

function onListening(url: string, labels: readonly string[]): void {
  const shown = labels.length === 1 ? labels[0] : `${labels.length} runs`;
  process.stdout.write(`watching ${shown} at ${url}  (Ctrl-C ends)\n`);
}

/**
 * Returns a signal that aborts at the first Ctrl-C or SIGTERM. The command can then end at once with exit
 * code 0.
 */
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
