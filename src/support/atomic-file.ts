/**
 * Files that are either the old ones or the new ones, whatever happens in between: write beside the
 * target, flush, rename over it, flush the folder.
 * @module
 */
import { dirname } from 'node:path';
import { StoreError } from './errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from './file-system.ts';

/**
 * Replaces a file as one step: after a crash at any instant it holds all of the old bytes or all of the new.
 *
 * @param path - target file; its folder must exist
 * @param data - the whole file, or its pieces in order, which may be made while they are written
 * @throws StoreError when it cannot be written; the old file is intact and nothing is left beside it
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array>,
  fs: FileSystem = diskFileSystem,
): void {
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    const fd = fs.openSync(temporary, 'w');
    try {
      const pieces = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
      for (const piece of pieces) fs.writeFileSync(fd, piece); // each goes where the one before ended
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary, fs);
    throw writeError(path, error, fs.existsSync(path) ? 'the file that was there is intact' : undefined);
  }
  syncFolder(dirname(path), fs);
}

/** Makes a folder's entries (new names, renames) durable. Windows has no such call; there it does nothing. */
export function syncFolder(path: string, fs: FileSystem = diskFileSystem): void {
  if (process.platform === 'win32') return;
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * A failed write as the one line a user sees. A full disk is the user's to fix, hence exit code 2.
 *
 * @param path - what was being written
 * @param intact - what is still good, if anything is
 */
export function writeError(path: string, cause: unknown, intact?: string): StoreError {
  if (cause instanceof StoreError && intact === undefined) return cause;
  const code = systemErrorCode(cause);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const what = full ? 'the disk is full' : rootMessage(cause);
  const advice = full ? 'free some space and go on' : 'check that the folder is writable';
  const message = `${path}: expected to write it, but ${what}; ${intact ? `${intact}; ` : ''}${advice}`;
  return new StoreError(message, {
    code: full ? 'TROUPE_STORE_FULL' : 'TROUPE_STORE_WRITE',
    cause,
    ...(full ? { exitCode: 2 } : {}),
  });
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}

/** Removes what may be there; a failure is not the caller's news, who is already reporting one. */
export function removeQuietly(path: string, fs: FileSystem = diskFileSystem): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch {
    // the error that brought us here says more
  }
}
