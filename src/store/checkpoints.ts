/**
 * Manages the `checkpoints/` folder of a run: adds checkpoints so that after a crash at any time the last
 * complete one can be loaded, cleans up after crashes, maintains the link to the champion, and deletes old
 * checkpoints.
 * @module
 */
import { join } from 'node:path';
import { removeQuietly, syncFolder, writeError } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
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
import { neededCheckpoints } from './checkpoint-references.ts';

/** Name of the symbolic link to the champion, the checkpoint to deploy. */
export const CHAMPION_LINK = 'champion';

const TEMPORARY = '.tmp-';
const REPLACED = '.old-';
const DROPPED = '.dropped-';

/**
 * Adds a checkpoint: `save` writes its files, `record` returns the contents of its `state.json`, then the
 * marker file is written and the folder gets its final name.
 *
 * @param dir - the `checkpoints` folder
 * @param record - called after `save`, because it records file lengths that `save` may change
 * @returns path of the finished checkpoint
 * @throws StoreError if writing fails; the last complete checkpoint is intact and partial files are removed
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
    if (systemErrorCode(error) === undefined) throw error; // the engine failed, not the disk
    const last = listCheckpoints(dir, fs).at(-1);
    const intact =
      last === undefined ? undefined : `the last good checkpoint, ${checkpointName(last)}, is intact`;
    throw writeError(path, error, intact);
  }
  return path;
}

/**
 * Cleans up a folder of checkpoints after a crash, so that only complete checkpoints and the link to the
 * champion remain.
 */
export function repairCheckpoints(dir: string, fs: FileSystem = diskFileSystem): void {
  fs.mkdirSync(dir, { recursive: true });
  for (const entry of fs.readdirSync(dir)) {
    const path = join(dir, entry);
    if (entry.startsWith(REPLACED)) {
      // the process crashed between the two renames that replace a checkpoint, or before it removed the
      // replaced one
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

/**
 * Atomically changes the link `champion` to point to the checkpoint `name`; removes the link if `name` is
 * undefined.
 */
export function linkChampion(dir: string, name: string | undefined, fs: FileSystem = diskFileSystem): void {
  const link = join(dir, CHAMPION_LINK);
  const current = readChampion(dir, fs);
  if (name === undefined) {
    fs.rmSync(link, { force: true });
    return;
  }
  if (current === name) return;
  const temporary = `${link}-${process.pid}`;
  fs.rmSync(temporary, { force: true });
  fs.symlinkSync(name, temporary, 'dir');
  fs.renameSync(temporary, link);
  syncFolder(dir, fs);
}

/**
 * Returns the name of the champion's checkpoint; undefined if the link does not exist.
 *
 * @throws StoreError (exit code 2) if there is a folder or file instead of a link
 */
export function readChampion(dir: string, fs: FileSystem = diskFileSystem): string | undefined {
  try {
    return fs.readlinkSync(join(dir, CHAMPION_LINK));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    if (systemErrorCode(error) !== 'EINVAL') throw error;
    // a program that copied the run folder replaced the link by a copy of its target
    throw new StoreError(
      `${join(dir, CHAMPION_LINK)}: expected a link to a checkpoint, got a folder or file; remove it and name a checkpoint, or replace it by a link such as "ln -s stage-0004 champion"`,
      { code: 'TROUPE_STORE_LINK', exitCode: 2, cause: error },
    );
  }
}

/**
 * Deletes all checkpoints except the newest ones, the champion (the checkpoint to deploy), and those that a kept one
 * needs.
 *
 * @param keepLast - number of newest checkpoints to keep, >= 1
 */
export function pruneCheckpoints(
  dir: string,
  {
    keepLast,
    champion,
    fs = diskFileSystem,
  }: { keepLast: number; champion?: string | undefined; fs?: FileSystem },
): void {
  const names = listCheckpoints(dir, fs).map(checkpointName);
  const old = names.slice(0, -keepLast).filter((name) => name !== champion);
  if (old.length === 0) return;
  const needed = neededCheckpoints(
    dir,
    names.filter((name) => !old.includes(name)),
    fs,
  );
  for (const name of old) {
    if (needed.has(name)) continue;
    // the folder is renamed first, so that a partially deleted one does not count as a checkpoint
    const dropped = join(dir, DROPPED + name);
    fs.renameSync(join(dir, name), dropped);
    fs.rmSync(dropped, { recursive: true, force: true });
  }
}
