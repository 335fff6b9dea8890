/**
 * Follows runs while they train and afterwards: their rows, a dashboard, or event files for TensorBoard. All but the
 * dashboard end when no process writes any of the runs.
 * @module
 */
import { join } from 'node:path';
import type { RunRow } from '../run-view/rows.ts';

import { createTensorBoardExport } from '../watch/tensorboard-export.ts';
import { type WatchedRuns, watchRuns } from '../watch/watched-runs.ts';

/** Interval in which the files of TensorBoard are updated, ms. */
const EXPORT_MS = 1000;
/** Interval in which the end of the runs is checked, ms. */
const IDLE_MS = 250;

/** Opens run folders to follow them. @throws StoreError if a folder is no run, is damaged or has a newer format */
export { watchRuns as openRuns } from '../watch/watched-runs.ts';

export interface WatchRequest {
  /** Run folders. */
  readonly runs: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Receives rows of one run, in order.
 *
 * @param run - label of the run: the name of its folder, with the parent's where two are equal
 * @param restarted - whether these rows replace all earlier ones, because the run went back to a checkpoint
 */
export type OnRows = (run: string, rows: readonly RunRow[], restarted: boolean) => void;

/** Passes the rows so far to `onRows`, then every new one. @throws StoreError if a folder is no run, or of another format */
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
  /** Port of this machine; 0: any free one. */
  readonly port: number;
  /** Called when the dashboard listens. */
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

/** Writes event files for TensorBoard, one folder per run. @param dir - folder of all runs */
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

/** Resolves after a time, or when the signal aborts. */
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
