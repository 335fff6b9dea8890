/**
 * Short-term lock of a file that several processes read, change and write within milliseconds.
 * @see ../store/lock.ts for folders that one process locks for hours
 * @module
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { removeQuietly, writeError } from './atomic-file.ts';
import { StoreError } from './errors.ts';
import { systemErrorCode } from './file-system.ts';

export interface BriefLockOptions {
  /** Maximum time to wait for the lock, milliseconds. */
  readonly timeoutMs?: number;
  /** Locks older than this belong to killed processes, milliseconds. */
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

/** @returns false if the lock already exists */
function create(lock: string, path: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw writeError(path, error);
  }
}

/** Age of the lock, milliseconds; 0 if it no longer exists. */
function ageMs(lock: string): number {
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
