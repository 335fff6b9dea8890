/**
 * Views of a run during its training: the dashboard, and event files for TensorBoard. They run in the
 * training process but read only the run folder, so they cannot affect the run.
 * @module
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { assertPortFree, startDashboard } from '../serve/dashboard/server.ts';
import { ConfigError } from '../support/errors.ts';
import { createTensorBoardExport, type TensorBoardExport } from '../watch/tensorboard-export.ts';
import { watchRuns } from '../watch/watched-runs.ts';
import type { TrainingEvent } from './training-run.ts';
import { isWritable, nearestExisting } from './writable.ts';

/** Interval between two TensorBoard exports, ms. */
const EXPORT_MS = 2000;

export interface LiveViewOptions {
  /** Port of the dashboard on this machine; 0: any free port; absent: no dashboard. */
  readonly dashboardPort?: number | undefined;
  /** Folder for TensorBoard's event files; absent: no export. */
  readonly tensorboard?: string | undefined;
}

/** Starts the views of a run folder and returns a function that stops them. */
export type StartLiveViews = (dir: string) => Promise<() => Promise<void>>;

/**
 * Checks the options before the run folder is created.
 *
 * @returns a function that starts the views; undefined if no view is requested
 * @throws ConfigError if the port is in use, or TensorBoard's folder cannot be written
 */
export async function prepareLiveViews(
  { dashboardPort: port, tensorboard }: LiveViewOptions,
  onEvent: (event: TrainingEvent) => void,
): Promise<StartLiveViews | undefined> {
  if (port === undefined && tensorboard === undefined) return undefined;
  if (port !== undefined) await assertPortFree(port);
  if (tensorboard !== undefined) requireWritableFolder(tensorboard);
  return async (dir) => {
    const watched = watchRuns([dir]);
    const dashboard = port === undefined ? undefined : await startDashboard(watched, port);
    if (dashboard) onEvent({ kind: 'dashboard', url: dashboard.url });
    const stopExport =
      tensorboard === undefined
        ? undefined
        : startExport(createTensorBoardExport(dir, join(tensorboard, watched.runs[0]!.label)), onEvent);
    return async () => {
      stopExport?.();
      await dashboard?.close();
      watched.close();
    };
  };
}

/**
 * Exports at regular intervals until the first failure, which must not end the run.
 *
 * @returns a function that exports once more and stops
 */
function startExport(board: TensorBoardExport, onEvent: (event: TrainingEvent) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const poll = (): void => {
    try {
      board.poll();
    } catch (error) {
      clearInterval(timer);
      timer = undefined;
      onEvent({
        kind: 'tensorboard_failed',
        message: error instanceof Error ? error.message : String(error),
      });
    }
  };
  timer = setInterval(poll, EXPORT_MS).unref();
  return () => {
    if (timer === undefined) return;
    poll();
    clearInterval(timer);
  };
}

function requireWritableFolder(dir: string): void {
  const nearest = nearestExisting(dir);
  if (statSync(nearest).isDirectory() && isWritable(nearest)) return;
  throw new ConfigError(`--tensorboard: expected a folder that can be written, got ${dir}; choose another`, {
    code: 'TROUPE_WATCH_TENSORBOARD',
  });
}
