/**
 * Reads runs without locking them, during or after training; for reports, evaluations and dashboards.
 * @module
 */
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem } from '../support/file-system.ts';
import type { RunEvent } from '../train/events.ts';
import { checkpointName } from '../train/store-port.ts';
import { readIntactJsonLines, readJsonLines } from './append-log.ts';
import { listCheckpoints, MARKER, verifyCheckpoint } from './checkpoint-folder.ts';
import { readChampion } from './checkpoints.ts';
import { CHECKPOINTS, COMPLETIONS, CONFIG_FILE, EVENTS_FILE, MODEL_CALLS_FILE } from './layout.ts';
import { assertRunFolder, type RunManifest, readManifestFile } from './run-folder.ts';

/** Events of a run, in order. @throws StoreError (exit code 2) if the folder is not a run, or has another format */
export function readEvents(dir: string, fs: FileSystem = diskFileSystem): RunEvent[] {
  assertRunFolder(dir, fs);
  return readJsonLines(join(dir, EVENTS_FILE), fs) as RunEvent[]; // written by `disk-run-store.ts`
}

/**
 * Reads the calls on models outside of the training process, in order.
 *
 * @throws StoreError if the folder is not a run
 */
export function readModelCalls(dir: string, fs: FileSystem = diskFileSystem): unknown[] {
  assertRunFolder(dir, fs);
  return readIntactJsonLines(join(dir, MODEL_CALLS_FILE), fs);
}

/**
 * Reads the text of the run's configuration, with all defaults filled in.
 *
 * @throws StoreError (exit code 2) if the folder is not a run
 */
export function readRunConfig(dir: string, fs: FileSystem = diskFileSystem): string {
  assertRunFolder(dir, fs);
  return fs.readFileSync(join(dir, CONFIG_FILE), 'utf8');
}

/**
 * Reads the version of troupe and the machine that created a run.
 *
 * @throws StoreError (exit code 2) if the folder is not a run, or has another format
 */
export function readManifest(dir: string, fs: FileSystem = diskFileSystem): RunManifest {
  assertRunFolder(dir, fs);
  return readManifestFile(dir, fs);
}

/** A trained team on disk. */
export interface StoredTeam {
  /** Folder of the run. */
  readonly run: string;
  /** Name of the checkpoint, e.g. `stage-0012`. */
  readonly checkpoint: string;
  /** Paths of the model folders of agents 0, 1, ... */
  readonly agents: readonly string[];
  /** Name of the newest checkpoint, if the run was named and its champion is an older checkpoint. */
  readonly newest?: string;
}

/**
 * Finds the team at a path. If the path is a checkpoint, this is the checkpoint's team. If the path is a run,
 * it is the champion, or the team of the newest checkpoint if there is no champion.
 *
 * @returns undefined if the path is neither a run nor a checkpoint
 * @throws StoreError (exit code 2) if the checkpoint is damaged or the run has none
 */
export async function findStoredTeam(
  path: string,
  fs: FileSystem = diskFileSystem,
): Promise<StoredTeam | undefined> {
  path = resolve(path);
  if (fs.existsSync(join(path, MARKER))) return storedTeam(realpathSync(path), fs);
  if (!fs.existsSync(join(path, CONFIG_FILE)) || !fs.existsSync(join(path, CHECKPOINTS))) return undefined;
  assertRunFolder(path, fs);
  const checkpoints = join(path, CHECKPOINTS);
  const stage = listCheckpoints(checkpoints, fs).at(-1);
  const newest = stage === undefined ? undefined : checkpointName(stage);
  const name = readChampion(checkpoints, fs) ?? newest;
  if (name === undefined)
    throw new StoreError(
      `${path}: expected a run with a complete checkpoint, got one without; run "troupe train --resume ${path}" until a stage is complete`,
      { code: 'TROUPE_STORE_NO_CHECKPOINT', exitCode: 2 },
    );
  const team = await storedTeam(join(checkpoints, name), fs);
  return newest === undefined || newest === name ? team : { ...team, newest };
}

/**
 * Finds the checkpoint of a run that a model folder belongs to. Symbolic links are resolved, because `champion` points to
 * another checkpoint after the next promotion.
 *
 * @returns undefined if the folder is not an agent folder of a run's checkpoint
 */
export function checkpointOfModel(
  model: string,
): { readonly run: string; readonly checkpoint: string; readonly folder: string } | undefined {
  if (!existsSync(model)) return undefined;
  const folder = realpathSync(model);
  const checkpoint = dirname(folder);
  const run = dirname(dirname(checkpoint));
  const isCheckpoint =
    basename(dirname(checkpoint)) === CHECKPOINTS &&
    existsSync(join(checkpoint, MARKER)) &&
    existsSync(join(run, CONFIG_FILE));
  return isCheckpoint ? { run, checkpoint: basename(checkpoint), folder } : undefined;
}

/**
 * Reads the state of the training loop from the team's checkpoint, e.g. the numbers of used prompts and of
 * acceptance tests.
 */
export async function readCheckpointState(
  { run, checkpoint }: StoredTeam,
  fs: FileSystem = diskFileSystem,
): Promise<unknown> {
  return (await verifyCheckpoint(join(run, CHECKPOINTS, checkpoint), fs)).state;
}

/**
 * Transcripts of all stages, in order; the rows of {@link RunStore.appendCompletions}.
 *
 * @throws StoreError (exit code 2) if the folder is not a run, or has another format
 */
export function readCompletions(dir: string, fs: FileSystem = diskFileSystem): unknown[] {
  assertRunFolder(dir, fs);
  const folder = join(dir, COMPLETIONS);
  if (!fs.existsSync(folder)) return [];
  return [...fs.readdirSync(folder)].sort().flatMap((name) => readJsonLines(join(folder, name), fs));
}

async function storedTeam(path: string, fs: FileSystem): Promise<StoredTeam> {
  await verifyCheckpoint(path, fs);
  const agents = fs
    .readdirSync(path)
    .map((name) => Number(/^agent_(\d+)$/.exec(name)?.[1] ?? Number.NaN))
    .filter((id) => !Number.isNaN(id))
    .sort((a, b) => a - b)
    .map((id) => join(path, `agent_${id}`));
  return { run: dirname(dirname(path)), checkpoint: basename(path), agents };
}
