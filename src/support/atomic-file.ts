/**
 * Replaces files atomically: writes a temporary file, flushes it, renames it to the target's name and flushes
 * the folder.
 * @module
 */
import { dirname } from 'node:path';
import { StoreError } from './errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from './file-system.ts';

/**
 * Replaces a file atomically: after a crash at any time it has either all old or all new bytes. A symbolic link is followed.
 * A device or pipe is written to, because replacing it by a file would destroy it.
 *
 * @param path - target file; its folder must exist
 * @param data - contents of the file, or its pieces in order; each piece is requested after the previous one
 *   is written
 * @throws StoreError if the file cannot be written; the old file is intact and no temporary file is left
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array | Iterable<Uint8Array>,
  fs: FileSystem = diskFileSystem,
): void {
  const found = fs.statSync(path, { throwIfNoEntry: false });
  const target = found === undefined ? path : fs.realpathSync(path);
  const isReplaced = found === undefined || found.isFile() || found.isDirectory();
  const temporary = isReplaced ? `${target}.tmp-${process.pid}` : target;
  try {
    const fd = fs.openSync(temporary, 'w');
    try {
      const pieces = typeof data === 'string' || data instanceof Uint8Array ? [data] : data;
      if (!isReplaced) {
        for (const piece of pieces) fs.writeFileSync(fd, piece);
        return;
      }
      for (const piece of pieces) fs.writeFileSync(fd, piece); // writing to a file descriptor appends
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, target);
  } catch (error) {
    if (isReplaced) removeQuietly(temporary, fs);
    throw writeError(path, error, fs.existsSync(path) ? 'the old file is intact' : undefined);
  }
  syncFolder(dirname(target), fs);
}

/**
 * Flushes the entries of a folder (new names, renames) to disk. Has no effect on Windows, which has no such
 * system call.
 */
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
 * Returns an error with one line about a failed write. The exit code is 2 if the disk is full or the
 * path is inside a file, because the user can fix this.
 *
 * @param path - file or folder that was being written
 * @param intact - clause about data that is still intact, if any
 */
export function writeError(path: string, cause: unknown, intact?: string): StoreError {
  if (cause instanceof StoreError && intact === undefined) return cause;
  const code = systemErrorCode(cause);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const isInFile = code === 'ENOTDIR';
  const problem = full ? 'the disk is full' : isInFile ? 'a part of the path is a file' : rootMessage(cause);
  const advice = full
    ? 'free some space and try again'
    : isInFile
      ? 'choose another path'
      : 'check that the folder is writable';
  const message = `${path}: expected to write it, but ${problem}; ${intact ? `${intact}; ` : ''}${advice}`;
  return new StoreError(message, {
    code: full ? 'TROUPE_STORE_FULL' : 'TROUPE_STORE_WRITE',
    cause,
    ...(full || isInFile ? { exitCode: 2 } : {}),
  });
}

function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}

/** Removes a file or folder if it exists; errors are ignored, because the caller is already handling one. */
export function removeQuietly(path: string, fs: FileSystem = diskFileSystem): void {
  try {
    fs.rmSync(path, { recursive: true, force: true });
  } catch {
    // the caller reports its own error
  }
}
