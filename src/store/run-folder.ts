/**
 * Creates and opens run folders. Opening a folder cleans up after crashes and truncates the append-only files
 * to the lengths at the newest complete checkpoint (the resume rule of `train/store-port.ts`).
 * @module
 */
import { join, resolve } from 'node:path';
import { removeQuietly, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem } from '../support/file-system.ts';
import { processIdentity } from '../support/process-identity.ts';
import { type Checkpoint, checkpointName } from '../train/store-port.ts';
import { type CheckpointRecord, listCheckpoints, verifyCheckpoint } from './checkpoint-folder.ts';
import { linkChampion, pruneCheckpoints, repairCheckpoints } from './checkpoints.ts';
import { DiskRunStore } from './disk-run-store.ts';
import { FORMAT, parseStoredObject, requireFormat } from './format.ts';
import { CHECKPOINTS, COMPLETIONS, CONFIG_FILE, completionsFile, MANIFEST_FILE } from './layout.ts';
import { acquireLock, assertUnlocked, LOCK_FILE } from './lock.ts';
import { verifyLogs } from './verify-logs.ts';

export interface RunFolderOptions {
  /** Number of newest checkpoints to keep, in addition to the champion. Default 2. */
  readonly keepLast?: number;
  readonly now?: () => Date;
  readonly fs?: FileSystem;
}

export interface CreateRunOptions extends RunFolderOptions {
  /** Text of `config.yaml`: the configuration with all defaults filled in. */
  readonly config: string;
  /** Further entries of `manifest.json`, e.g. version and machine. */
  readonly manifest?: Readonly<Record<string, string | number>>;
}

export interface OpenRunOptions extends RunFolderOptions {
  /**
   * New text of `config.yaml`, for a run that is resumed with changed settings, e.g. more stages; absent: the
   * file is unchanged.
   */
  readonly config?: string;
}

/** Names of temporary files of atomic writes and of the lock; they contain the process id. */
const TEMPORARY = /^(?:lock|.*\.tmp)-(\d+)/;

const NO_LENGTHS: CheckpointRecord['lengths'] = { events: 0, metrics: 0, completions: 0 };

/**
 * Creates a run folder and locks it for this process until `close`.
 *
 * @param dir - a new or empty folder
 * @throws StoreError (exit code 2) if the folder contains files or is locked
 */
export async function createRun(dir: string, options: CreateRunOptions): Promise<DiskRunStore> {
  const { config, manifest, keepLast = 2, now = () => new Date(), fs = diskFileSystem } = options;
  dir = resolve(dir);
  assertFree(dir, fs);
  const fresh = !fs.existsSync(dir);
  let unlock = () => {};
  try {
    fs.mkdirSync(dir, { recursive: true });
    unlock = acquireLock(dir, { now, fs });
    removeTemporary(dir, fs);
    const about = { format: FORMAT, created: now().toISOString(), ...manifest };
    writeFileAtomic(join(dir, MANIFEST_FILE), `${JSON.stringify(about, null, 2)}\n`, fs);
    fs.mkdirSync(join(dir, CHECKPOINTS), { recursive: true });
    // written last, because a folder with this file counts as a run
    writeFileAtomic(join(dir, CONFIG_FILE), config, fs);
    return new DiskRunStore({ dir, unlock, keepLast, lengths: NO_LENGTHS, now, fs });
  } catch (error) {
    unlock();
    if (fresh) removeQuietly(dir, fs);
    throw writeError(dir, error);
  }
}

/**
 * Opens a run to resume it from its newest complete checkpoint, or from the start if it has none.
 *
 * @throws StoreError (exit code 2) if the folder is not a run, is locked, or its newest checkpoint or a log up to this
 *   checkpoint is damaged
 */
export async function openRun(dir: string, options: OpenRunOptions = {}): Promise<DiskRunStore> {
  const { config, keepLast = 2, now = () => new Date(), fs = diskFileSystem } = options;
  dir = resolve(dir);
  assertRunFolder(dir, fs);
  const unlock = acquireLock(dir, { now, fs });
  try {
    removeTemporary(dir, fs);
    const checkpoints = join(dir, CHECKPOINTS);
    repairCheckpoints(checkpoints, fs);
    const newest = listCheckpoints(checkpoints, fs).at(-1);
    const last = newest === undefined ? undefined : await load(checkpoints, checkpointName(newest), fs);
    const champion = last?.record.champion;
    const best = champion === undefined ? undefined : await load(checkpoints, champion, fs);
    const lengths = last?.record.lengths ?? NO_LENGTHS;
    if (last !== undefined) verifyLogs(dir, last.checkpoint, { lengths, fs });
    truncateCompletions(dir, { stage: newest ?? -1, bytes: lengths.completions, fs });
    linkChampion(checkpoints, champion, fs);
    pruneCheckpoints(checkpoints, { keepLast, champion, fs });
    const store = new DiskRunStore({
      dir,
      unlock,
      keepLast,
      lengths,
      last: last?.checkpoint,
      champion: best?.checkpoint,
      now,
      fs,
    });
    if (config !== undefined && config !== fs.readFileSync(join(dir, CONFIG_FILE), 'utf8'))
      writeFileAtomic(join(dir, CONFIG_FILE), config, fs);
    return store;
  } catch (error) {
    unlock();
    throw error instanceof StoreError ? error : writeError(dir, error);
  }
}

/** @throws StoreError (exit code 2) if the folder is not a run, has no manifest, or has another format */
export function assertRunFolder(dir: string, fs: FileSystem = diskFileSystem): void {
  if (fs.existsSync(join(dir, CONFIG_FILE)) && fs.existsSync(join(dir, CHECKPOINTS))) {
    readManifestFile(dir, fs);
    return;
  }
  throw new StoreError(
    `${dir}: expected a run folder (${CONFIG_FILE} and ${CHECKPOINTS}/), got ${placeAt(dir, fs)}; "troupe train CONFIG" creates one`,
    { code: 'TROUPE_STORE_NO_RUN', exitCode: 2 },
  );
}

function placeAt(path: string, fs: FileSystem): string {
  if (!fs.existsSync(path)) return 'nothing there';
  return fs.statSync(path).isDirectory() ? 'a folder without them' : 'a file';
}

/** Contents of `manifest.json`: version of troupe and machine that created the run. */
export type RunManifest = Readonly<Record<string, string | number>>;

/**
 * Reads the manifest of a run folder. A missing manifest counts as format 1.
 *
 * @throws StoreError (exit code 2) if the file is not JSON, or has another format
 */
export function readManifestFile(dir: string, fs: FileSystem): RunManifest {
  const path = join(dir, MANIFEST_FILE);
  const damaged = (): StoreError =>
    new StoreError(`${path}: expected a JSON object, got something else; restore the file from a backup`, {
      code: 'TROUPE_STORE_JSON',
      exitCode: 2,
    });
  const manifest = (
    fs.existsSync(path) ? parseStoredObject(fs.readFileSync(path, 'utf8'), damaged) : {}
  ) as RunManifest; // the format is checked below
  requireFormat(dir, 'a run', { format: manifest.format, writer: manifest.troupe });
  return manifest;
}

/**
 * Checks that a run can be created in a folder, as {@link createRun} does. A caller with long work before
 * `createRun` should call this function first.
 *
 * @throws StoreError (exit code 2) if the folder contains files or is locked
 */
export function assertFree(dir: string, fs: FileSystem = diskFileSystem): void {
  dir = resolve(dir);
  if (isFree(dir, fs)) return;
  const isFolder = fs.statSync(dir).isDirectory();
  if (isFolder) assertUnlocked(dir, fs);
  const isRun = isFolder && fs.existsSync(join(dir, CONFIG_FILE)) && fs.existsSync(join(dir, CHECKPOINTS));
  throw new StoreError(
    `${dir}: expected a new or empty folder, got ${isFolder ? 'one with files in it' : 'a file'}; ${isRun ? `continue it with "troupe train --resume ${dir}", or choose another` : 'choose another'}`,
    { code: 'TROUPE_STORE_EXISTS', exitCode: 2 },
  );
}

/**
 * Returns whether a folder is new, empty, or left behind by a process that was killed before it wrote the
 * configuration.
 */
function isFree(dir: string, fs: FileSystem): boolean {
  if (!fs.existsSync(dir)) return true;
  if (!fs.statSync(dir).isDirectory()) return false;
  const incomplete = [LOCK_FILE, MANIFEST_FILE, CHECKPOINTS];
  return fs.readdirSync(dir).every((name) => incomplete.includes(name) || TEMPORARY.test(name));
}

/** Removes temporary files of processes that no longer run. */
function removeTemporary(dir: string, fs: FileSystem): void {
  for (const name of fs.readdirSync(dir)) {
    const pid = Number(TEMPORARY.exec(name)?.[1] ?? Number.NaN);
    if (pid === process.pid || (pid > 0 && processIdentity(pid) === undefined))
      removeQuietly(join(dir, name), fs);
  }
}

async function load(
  checkpoints: string,
  name: string,
  fs: FileSystem,
): Promise<{ checkpoint: Checkpoint; record: CheckpointRecord }> {
  const path = join(checkpoints, name);
  const record = await verifyCheckpoint(path, fs);
  return { checkpoint: { name, stage: record.stage, path, state: record.state }, record };
}

/**
 * Deletes the transcripts of stages after the checkpoint's stage, and truncates those of the checkpoint's
 * stage.
 */
function truncateCompletions(
  dir: string,
  { stage, bytes, fs }: { stage: number; bytes: number; fs: FileSystem },
): void {
  const folder = join(dir, COMPLETIONS);
  if (!fs.existsSync(folder)) return;
  const own = join(dir, completionsFile(stage));
  for (const entry of fs.readdirSync(folder)) {
    const number = Number(/^stage-(\d+)\.jsonl$/.exec(entry)?.[1] ?? Number.NaN);
    if (number > stage) fs.rmSync(join(folder, entry));
  }
  if (stage >= 0 && fs.existsSync(own)) fs.truncateSync(own, bytes);
}
