/**
 * The `checkpoints/` folder of a run: adding one so that a crash at any instant leaves the last good one
 * loadable, healing what a crash left behind, the champion link, and dropping old ones.
 * @module
 */
import { join } from 'node:path';
import { removeQuietly, syncFolder, writeError } from '../support/atomic-file.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';
import { checkpointName } from '../train/store-port.ts';
import {
  type CheckpointRecord,
  listCheckpoints,
  MARKER,
  STATE_FILE,
  sealCheckpoint,
  stageFolders,
} from './checkpoint-folder.ts';

/** Link to the checkpoint a user should deploy. */
export const CHAMPION_LINK = 'champion';

const TEMPORARY = '.tmp-';
const REPLACED = '.old-';
const DROPPED = '.dropped-';

/**
 * Adds a checkpoint: `save` fills it, `record` goes beside, then it is sealed and renamed into place.
 *
 * @param dir - the `checkpoints` folder
 * @param record - called after `save`, so that it can measure what `save` took part in
 * @returns path of the finished checkpoint
 * @throws StoreError; the last good checkpoint is intact and nothing half-written is left
 */
export async function addCheckpoint(
  dir: string,
  stage: number,
  {
    save,
    record,
    fs = diskFileSystem,
  }: {
    readonly save: (dir: string) => Promise<void>;
    readonly record: () => CheckpointRecord;
    readonly fs?: FileSystem;
  },
): Promise<string> {
  const name = checkpointName(stage);
  const temporary = join(dir, TEMPORARY + name);
  const replaced = join(dir, REPLACED + name);
  const path = join(dir, name);
  try {
    fs.rmSync(temporary, { recursive: true, force: true });
    fs.mkdirSync(temporary, { recursive: true });
    await save(temporary);
    fs.writeFileSync(join(temporary, STATE_FILE), `${JSON.stringify(record(), null, 2)}\n`);
    await sealCheckpoint(temporary, fs);
    if (fs.existsSync(path)) fs.renameSync(path, replaced);
    fs.renameSync(temporary, path);
    syncFolder(dir, fs);
    fs.rmSync(replaced, { recursive: true, force: true });
  } catch (error) {
    removeQuietly(temporary, fs);
    if (fs.existsSync(replaced) && !fs.existsSync(path)) fs.renameSync(replaced, path);
    if (systemErrorCode(error) === undefined) throw error; // the engine's own words, not the disk's
    const last = listCheckpoints(dir, fs).at(-1);
    const intact =
      last === undefined ? undefined : `the last good checkpoint, ${checkpointName(last)}, is intact`;
    throw writeError(path, error, intact);
  }
  return path;
}

/** Puts a folder of checkpoints back in order after a crash: only complete ones and the link remain. */
export function healCheckpoints(dir: string, fs: FileSystem = diskFileSystem): void {
  fs.mkdirSync(dir, { recursive: true });
  for (const entry of fs.readdirSync(dir)) {
    const path = join(dir, entry);
    if (entry.startsWith(REPLACED)) {
      // the crash fell between moving the old one away and the new one in
      const original = join(dir, entry.slice(REPLACED.length));
      if (!fs.existsSync(original)) fs.renameSync(path, original);
      else fs.rmSync(path, { recursive: true, force: true });
    } else if (
      entry.startsWith(TEMPORARY) ||
      entry.startsWith(DROPPED) ||
      entry.startsWith(`${CHAMPION_LINK}-`)
    )
      fs.rmSync(path, { recursive: true, force: true });
  }
  for (const name of stageFolders(dir, fs))
    if (!fs.existsSync(join(dir, name, MARKER))) fs.rmSync(join(dir, name), { recursive: true, force: true });
}

/** Points `champion` at a checkpoint, or at nothing, as one step. */
export function linkChampion(dir: string, name: string | undefined, fs: FileSystem = diskFileSystem): void {
  const link = join(dir, CHAMPION_LINK);
  if (name === undefined) {
    fs.rmSync(link, { force: true });
    return;
  }
  if (readChampion(dir, fs) === name) return;
  const temporary = `${link}-${process.pid}`;
  fs.rmSync(temporary, { force: true });
  fs.symlinkSync(name, temporary, 'dir');
  fs.renameSync(temporary, link);
  syncFolder(dir, fs);
}

/** Name of the checkpoint the link points at. */
export function readChampion(dir: string, fs: FileSystem = diskFileSystem): string | undefined {
  try {
    return fs.readlinkSync(join(dir, CHAMPION_LINK));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Drops all but the newest checkpoints and the champion.
 *
 * @param keepLast - how many of the newest stay, >= 1
 */
export function pruneCheckpoints(
  dir: string,
  {
    keepLast,
    champion,
    fs = diskFileSystem,
  }: { keepLast: number; champion?: string | undefined; fs?: FileSystem },
): void {
  for (const stage of listCheckpoints(dir, fs).slice(0, -keepLast)) {
    const name = checkpointName(stage);
    if (name === champion) continue;
    // renamed first: a half-removed folder must not pass for a checkpoint
    const dropped = join(dir, DROPPED + name);
    fs.renameSync(join(dir, name), dropped);
    fs.rmSync(dropped, { recursive: true, force: true });
  }
}
