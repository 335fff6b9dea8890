/**
 * Lock of a run folder. It contains the id and start time of its process, so that the lock of a killed process can be
 * recognized and taken over, and errors can name the process that has the lock.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { removeQuietly, writeError } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';
import { processIdentity } from '../support/process-identity.ts';

/** Name of the lock file inside a run folder. */
export const LOCK_FILE = 'lock';

interface LockRecord {
  readonly pid: number;
  readonly identity: string;
  readonly host: string;
  /** ISO time at which the lock was acquired. */
  readonly since: string;
}

export interface LockOptions {
  readonly now?: () => Date;
  readonly fs?: FileSystem;
}

/**
 * Acquires the lock of a folder, or takes it over from a process that no longer exists.
 *
 * @returns function that releases the lock; further calls have no effect
 * @throws StoreError (exit code 2) with the process that has the lock and the time at which it acquired the
 *   lock
 */
export function acquireLock(
  dir: string,
  { now = () => new Date(), fs = diskFileSystem }: LockOptions = {},
): () => void {
  const path = join(dir, LOCK_FILE);
  const record: LockRecord = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? 'alive',
    host: hostname(),
    since: now().toISOString(),
  };
  const own = `${path}-${process.pid}-${randomUUID()}`;
  try {
    fs.writeFileSync(own, `${JSON.stringify(record)}\n`);
    // the second attempt follows the removal of a lock whose process no longer exists
    if (!tryLink(own, path, fs)) {
      removeStale(dir, path, fs);
      if (!tryLink(own, path, fs)) throw inUse(dir, readLock(path, fs));
    }
  } catch (error) {
    throw writeError(path, error);
  } finally {
    removeQuietly(own, fs);
  }
  let held = true;
  return () => {
    if (held) removeQuietly(path, fs);
    held = false;
  };
}

/**
 * Checks that no running process has locked the folder.
 *
 * @throws StoreError (exit code 2) if the folder is locked, with the process that has the lock
 */
export function assertUnlocked(dir: string, fs: FileSystem = diskFileSystem): void {
  const record = readLock(join(dir, LOCK_FILE), fs);
  if (record !== undefined && isHeld(record)) throw inUse(dir, record);
}

/** Returns whether a running process, or a process on another machine, has locked the folder. */
export function isLocked(dir: string, fs: FileSystem = diskFileSystem): boolean {
  const record = readLock(join(dir, LOCK_FILE), fs);
  return record !== undefined && isHeld(record);
}

/** A hard link appears together with its content, unlike a file that is created and then written. */
function tryLink(from: string, to: string, fs: FileSystem): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    return tryCreate(from, to, fs); // the file system has no hard links, e.g. exFAT
  }
}

function tryCreate(from: string, to: string, fs: FileSystem): boolean {
  try {
    fs.writeFileSync(to, fs.readFileSync(from), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function removeStale(dir: string, path: string, fs: FileSystem): void {
  const record = readLock(path, fs);
  if (record !== undefined && isHeld(record)) throw inUse(dir, record);
  const aside = `${path}-${process.pid}-${randomUUID()}`;
  try {
    fs.renameSync(path, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return; // released meanwhile
    throw error;
  }
  // another process may have taken the lock over before the rename; then restore its lock
  const moved = readLock(aside, fs);
  if (moved !== undefined && isHeld(moved)) tryLink(aside, path, fs);
  removeQuietly(aside, fs);
}

function isHeld(record: LockRecord): boolean {
  // processes on other machines cannot be checked and count as running
  return record.host !== hostname() || processIdentity(record.pid) === record.identity;
}

function readLock(path: string, fs: FileSystem): LockRecord | undefined {
  try {
    const record = JSON.parse(fs.readFileSync(path, 'utf8')) as Partial<LockRecord>;
    return typeof record.pid === 'number' && typeof record.identity === 'string'
      ? { pid: record.pid, identity: record.identity, host: record.host ?? '', since: record.since ?? '' }
      : undefined;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function inUse(dir: string, record: LockRecord | undefined): StoreError {
  const owner =
    record === undefined
      ? 'another process'
      : record.host === hostname()
        ? `process ${record.pid} since ${record.since}`
        : `process ${record.pid} on ${record.host} since ${record.since} (if that machine is gone, remove ${join(dir, LOCK_FILE)})`;
  return new StoreError(
    `${dir}: expected an unlocked folder, but it is locked by ${owner}; wait until it ends, or use another folder`,
    { code: 'TROUPE_STORE_LOCKED', exitCode: 2 },
  );
}
