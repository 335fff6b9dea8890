/**
 * Follows runs during and after training: passes on their event rows, serves the dashboard, or writes event
 * files for TensorBoard. Except for the dashboard, these functions return when no process writes to any of
 * the runs.
 * @module
 */
import { join } from 'node:path';
import type { RunRow } from '../run-view/rows.ts';
import { createTensorBoardExport } from '../watch/tensorboard-export.ts';
import { type WatchedRuns, watchRuns } from '../watch/watched-runs.ts';

/** Interval between two updates of the TensorBoard files, ms. */
const EXPORT_MS = 1000;
/** Interval between two checks whether the runs have ended, ms. */
const IDLE_MS = 250;

/**
 * Opens run folders for reading. @throws StoreError if a folder is no run folder, is damaged or has another
 * format
 */
export { watchRuns as openRuns } from '../watch/watched-runs.ts';

export interface WatchRequest {
  /** Run folders. */
  readonly runs: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Receives event rows of one run, in order.
 *
 * @param run - label of the run: the name of its folder, prefixed by its parent folder if two runs have the
 *   same name
 * @param restarted - whether these rows replace all earlier ones, because the run was resumed from a
 *   checkpoint
 */
export type OnRows = (run: string, rows: readonly RunRow[], restarted: boolean) => void;

/**
 * Passes all existing rows to `onRows`, then every new row.
 *
 * @throws StoreError if a folder is no run folder, or has another format
 */
export async function watch({ runs, signal }: WatchRequest, onRows: OnRows): Promise<void> {
  await withWatchedRuns(runs, async (watched) => {
    const labels = new Map(watched.runs.map(({ id, label }) => [id, label]));
    const unsubscribe = watched.subscribe((id, rows, restarted) => onRows(labels.get(id)!, rows, restarted));
    try {
      while (watched.isRunning() && !signal?.aborted) await pause(IDLE_MS, signal);
      watched.poll();
    } finally {
      unsubscribe();
    }
  });
}

export interface DashboardRequest extends WatchRequest {
  /** Port on this machine; 0: any free port. */
  readonly port: number;
  /** Called when the dashboard is listening, with its URL and the labels of the runs. */
  readonly onListening: (url: string, labels: readonly string[]) => void;
}

/** Serves the dashboard until the signal aborts. @throws ConfigError if the port cannot be used */
export async function watchInBrowser({ runs, port, signal, onListening }: DashboardRequest): Promise<void> {
  const { startDashboard } = await import('../serve/dashboard/server.ts');
  await withWatchedRuns(runs, async (watched) => {
    const dashboard = await startDashboard(watched, port);
    onListening(
      dashboard.url,
      watched.runs.map(({ label }) => label),
    );
    await new Promise<void>((resolve) => {
      if (signal?.aborted) resolve();
      else signal?.addEventListener('abort', () => resolve(), { once: true });
    });
    await dashboard.close();
  });
}

/** Writes event files for TensorBoard. @param dir - parent folder; each run gets a subfolder */
export async function exportTensorBoard({ runs, signal }: WatchRequest, dir: string): Promise<void> {
  await withWatchedRuns(runs, async (watched) => {
    const exports = watched.runs.map((run) => createTensorBoardExport(run.dir, join(dir, run.label)));
    const poll = (): void => {
      for (const one of exports) one.poll();
    };
    poll();
    while (watched.isRunning() && !signal?.aborted) {
      await pause(EXPORT_MS, signal);
      poll();
    }
  });
}

async function withWatchedRuns(
  runs: readonly string[],
  use: (watched: WatchedRuns) => Promise<void>,
): Promise<void> {
  const watched = watchRuns(runs);
  try {
    await use(watched);
  } finally {
    watched.close();
  }
}

/** Resolves after `ms` milliseconds, or when the signal aborts. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}
