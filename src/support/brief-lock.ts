/**
 * Turns at changing a file: what is read, changed and written within milliseconds by programs that end soon after.
 * @see ../store/lock.ts for folders that one process owns for hours
 * @module
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { removeQuietly, writeError } from './atomic-file.ts';
import { StoreError } from './errors.ts';
import { systemErrorCode } from './file-system.ts';

export interface BriefLockOptions {
  /** How long others are waited for, milliseconds. */
  readonly patienceMs?: number;
  /** A lock as old as this was left behind by a program that was killed, milliseconds. */
  readonly staleMs?: number;
}

const PAUSE_MS = 10;

/**
 * Does something while nobody else does it with the same file.
 *
 * @param path - the file, which need not exist; its folder must
 * @throws StoreError if nothing can be written there, or others do not come to an end
 */
export function whileLocked<T>(
  path: string,
  work: () => T,
  { patienceMs = 20_000, staleMs = 10_000 }: BriefLockOptions = {},
): T {
  const lock = `${path}.lock`;
  const deadline = performance.now() + patienceMs;
  while (!create(lock, path)) {
    if (performance.now() > deadline)
      throw new StoreError(
        `${path}: expected a file that is changed within moments, but another program holds ${lock}; wait for it, or remove that file`,
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

/** @returns whether it was not there before */
function create(lock: string, path: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600));
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw writeError(path, error);
  }
}

/** 0 where it is gone. */
function ageMs(lock: string): number {
  return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}
