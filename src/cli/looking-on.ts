/**
 * What may look on while a run trains, in the same process: the dashboard, files for TensorBoard. Both
 * read the run folder like anybody else, so they can change nothing about the run.
 * @module
 */
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { assertPortFree, startDashboard } from '../serve/dashboard/server.ts';
import { openHub } from '../watch/hub.ts';
import { createTensorBoardExport } from '../watch/tensorboard-export.ts';

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
 * @throws ConfigError when the port is taken
 */
export async function lookingOn({
  watch,
  tensorboard,
}: LookingOnFlags): Promise<((dir: string) => Promise<() => Promise<void>>) | undefined> {
  if (watch === undefined && tensorboard === undefined) return undefined;
  const port = watch === true ? DEFAULT_PORT : watch;
  if (port !== undefined) await assertPortFree(port);
  return async (dir) => {
    const hub = openHub([dir]);
    const dashboard = port === undefined ? undefined : await startDashboard(hub, port);
    // standard output belongs to the run: it may be a pipe of events
    if (dashboard) process.stderr.write(`dashboard at ${dashboard.url}\n`);
    const board =
      tensorboard === undefined
        ? undefined
        : createTensorBoardExport(dir, join(tensorboard, hub.runs[0]!.label));
    const timer = setInterval(() => board?.poll(), EXPORT_MS).unref();
    return async () => {
      clearInterval(timer);
      board?.poll();
      await dashboard?.close();
      hub.close();
    };
  };
}

/** A port as commander reads it. */
export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('expected an integer from 0 to 65535');
  return port;
}
