/**
 * What may look on while a run trains, in the same process: the dashboard, files for TensorBoard. Both
 * read the run folder like anybody else, so they can change nothing about the run.
 * @module
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../support/errors.ts';
import type { TensorBoardExport } from '../watch/tensorboard-export.ts';
import { isWritable, nearestExisting } from './writable.ts';

/** Where the dashboard answers if nobody says otherwise. */
export const DEFAULT_PORT = 4600;

/** Between two looks of the TensorBoard export, ms. */
const EXPORT_MS = 2000;

export interface LookingOnFlags {
  /** Port of the dashboard; true: the usual one. */
  readonly watch?: number | true;
  /** Folder for TensorBoard's files. */
  readonly tensorboard?: string;
}

/**
 * Checks what can be checked before there is a run.
 *
 * @returns starts it all for a run folder; undefined if nobody looks on
 * @throws ConfigError when the port is taken, or TensorBoard's folder cannot be written
 */
export async function lookingOn({
  watch,
  tensorboard,
}: LookingOnFlags): Promise<((dir: string) => Promise<() => Promise<void>>) | undefined> {
  if (watch === undefined && tensorboard === undefined) return undefined;
  const port = watch === true ? DEFAULT_PORT : watch;
  // imported here, because a run without views needs no server
  const { assertPortFree, startDashboard } = await import('../serve/dashboard/server.ts');
  const { watchRuns } = await import('../watch/watched-runs.ts');
  const { createTensorBoardExport } = await import('../watch/tensorboard-export.ts');
  if (port !== undefined) await assertPortFree(port);
  if (tensorboard !== undefined) requireFolder(tensorboard);
  return async (dir) => {
    const watched = watchRuns([dir]);
    const dashboard = port === undefined ? undefined : await startDashboard(watched, port);
    // standard output belongs to the run: it may be a pipe of events
    if (dashboard) process.stderr.write(`dashboard at ${dashboard.url}\n`);
    const board =
      tensorboard === undefined
        ? undefined
        : createTensorBoardExport(dir, join(tensorboard, watched.runs[0]!.label));
    const exporting = board && startExport(board);
    return async () => {
      exporting?.end();
      await dashboard?.close();
      watched.close();
    };
  };
}

/** Exports until it fails, which is said once: a full disk there must not end the run. */
function startExport(board: TensorBoardExport): { end(): void } {
  let timer: NodeJS.Timeout | undefined;
  const poll = (): void => {
    try {
      board.poll();
    } catch (error) {
      clearInterval(timer);
      timer = undefined;
      const why = error instanceof Error ? error.message : String(error);
      process.stderr.write(`warning: no more is written for TensorBoard: ${why}\n`);
    }
  };
  timer = setInterval(poll, EXPORT_MS).unref();
  return {
    end: () => {
      if (timer === undefined) return;
      poll();
      clearInterval(timer);
    },
  };
}

function requireFolder(dir: string): void {
  const nearest = nearestExisting(dir);
  if (statSync(nearest).isDirectory() && isWritable(nearest)) return;
  throw new ConfigError(`--tensorboard: expected a folder that can be written, got ${dir}; choose another`, {
    code: 'TROUPE_WATCH_TENSORBOARD',
  });
}
