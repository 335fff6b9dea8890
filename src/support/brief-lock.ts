/**
 * Locks a file for the few milliseconds in which a process reads, changes and writes it. Other processes that
 * change the file wait meanwhile.
 * @see ../store/lock.ts for folders that one process locks for hours
 * @module
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { removeQuietly, writeError } from './atomic-file.ts';
import { StoreError } from './errors.ts';
import { systemErrorCode } from './file-system.ts';

export interface BriefLockOptions {
  /** Maximum time to wait for the lock, ms. Default 20 s. */
  readonly timeoutMs?: number;
  /** Age above which a lock counts as left behind by a killed process, ms. Default 10 s. */
  readonly staleMs?: number;
}

const PAUSE_MS = 10;

/**
 * Runs `work` while this process has the lock of a file.
 *
 * @param path - the file; it need not exist, but its folder must
 * @throws StoreError if the lock cannot be written, or another process keeps it longer than `timeoutMs`
 */
export function whileLocked<T>(
  path: string,
  work: () => T,
  { timeoutMs = 20_000, staleMs = 10_000 }: BriefLockOptions = {},
): T {
  const lock = `${path}.lock`;
  const deadline = performance.now() + timeoutMs;
  while (!create(lock, path)) {
    if (performance.now() > deadline)
      throw new StoreError(
        `${path}: expected the lock ${lock} to be released soon, but another program keeps it; wait for that program, or remove the lock`,
        { exitCode: 2 },
      );
    if (ageMs(lock) > staleMs) removeQuietly(lock);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  try {
    return work();
  } finally {
    removeQuietly(lock);
  }
}

/** Creates the lock file. Returns false if it already exists. */
function create(lock: string, path: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw writeError(path, error);
  }
}

/** Returns the age of the lock file, ms; 0 if it no longer exists. */
function ageMs(lock: string): number {
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
