/**
 * One process owns a run folder. The lock names the process by id and start time, so a lock left behind
 * by a killed one is recognised and taken over, and a live one is named to whoever comes second.
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
  /** ISO time the lock was taken. */
  readonly since: string;
}

export interface LockOptions {
  readonly now?: () => Date;
  readonly fs?: FileSystem;
}

/**
 * Takes the lock of a folder, or takes it over from a process that is gone.
 *
 * @returns gives the lock back; harmless when called twice
 * @throws StoreError (exit code 2) naming the process that holds it and since when
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
  const mine = `${path}-${process.pid}-${randomUUID()}`;
  try {
    fs.writeFileSync(mine, `${JSON.stringify(record)}\n`);
    // two rounds: the second after a stale lock was moved away
    if (!tryLink(mine, path, fs)) {
      removeStale(dir, path, fs);
      if (!tryLink(mine, path, fs)) throw inUse(dir, readLock(path, fs));
    }
  } catch (error) {
    throw writeError(path, error);
  } finally {
    removeQuietly(mine, fs);
  }
  let held = true;
  return () => {
    if (held) removeQuietly(path, fs);
    held = false;
  };
}

/** Says who holds a folder, or nothing when nobody alive does. @throws StoreError (exit code 2) */
export function assertUnlocked(dir: string, fs: FileSystem = diskFileSystem): void {
  const record = readLock(join(dir, LOCK_FILE), fs);
  if (record !== undefined && isHeld(record)) throw inUse(dir, record);
}

/** Whether a process that is alive, or one of another machine, owns a folder. */
export function isLocked(dir: string, fs: FileSystem = diskFileSystem): boolean {
  const record = readLock(join(dir, LOCK_FILE), fs);
  return record !== undefined && isHeld(record);
}

/** A hard link appears with its content or not at all, unlike a file created and then written. */
function tryLink(from: string, to: string, fs: FileSystem): boolean {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error;
    return tryCreate(from, to, fs); // a file system without hard links, such as exFAT
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
    if (systemErrorCode(error) === 'ENOENT') return; // given back meanwhile
    throw error;
  }
  // between the look and the move somebody else may have taken it over: then it is theirs
  const moved = readLock(aside, fs);
  if (moved !== undefined && isHeld(moved)) tryLink(aside, path, fs);
  removeQuietly(aside, fs);
}

function isHeld(record: LockRecord): boolean {
  // another machine's processes cannot be looked up: believed to live
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
  const holder =
    record === undefined
      ? 'another process'
      : record.host === hostname()
        ? `process ${record.pid} since ${record.since}`
        : `process ${record.pid} on ${record.host} since ${record.since} (if that machine is gone, remove ${join(dir, LOCK_FILE)})`;
  return new StoreError(
    `${dir}: expected a run folder nobody uses, but ${holder} holds it; wait for it, or use another folder`,
    { code: 'TROUPE_STORE_LOCKED', exitCode: 2 },
  );
}
