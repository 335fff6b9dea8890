/**
 * An append-only JSON-lines file. After a crash the last line may be incomplete; readers skip it, and the owner truncates
 * the file to a recorded length.
 * @module
 */

import { writeError } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';

export interface AppendLog {
  readonly path: string;
  /** Length in bytes; all lines up to here were written completely. */
  readonly lengthBytes: number;
  /**
   * Appends one line per value; NaN and Infinity become null. @throws StoreError if the write fails; the
   * length of the file is then unchanged
   */
  append(values: readonly unknown[]): void;
  /** Flushes the file to disk. */
  sync(): void;
  close(): void;
}

export interface AppendLogOptions {
  /** Truncates the file to this length; it must not be shorter. Absent: keeps all complete lines. */
  readonly keepBytes?: number;
  readonly fs?: FileSystem;
}

/**
 * Opens (or creates) a JSON-lines file for appending.
 *
 * @throws StoreError if the file is shorter than `keepBytes` or cannot be written
 */
export function openAppendLog(
  path: string,
  { keepBytes, fs = diskFileSystem }: AppendLogOptions = {},
): AppendLog {
  let fd: number;
  let length: number;
  try {
    fd = fs.openSync(path, 'a+');
    const size = fs.fstatSync(fd).size;
    if (keepBytes !== undefined && size < keepBytes)
      throw new StoreError(
        `${path}: expected at least the ${keepBytes} bytes that the checkpoint recorded, got ${size}; another program truncated the file`,
        { code: 'TROUPE_STORE_SHORT', exitCode: 2 },
      );
    length = keepBytes ?? completeLinesBytes(fs.readFileSync(path));
    if (length < size) fs.ftruncateSync(fd, length);
  } catch (error) {
    throw writeError(path, error);
  }
  return {
    path,
    get lengthBytes() {
      return length;
    },
    append(values) {
      const bytes = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
      try {
        fs.writeFileSync(fd, bytes);
      } catch (error) {
        truncateQuietly(fd, length, fs);
        throw writeError(path, error, 'everything before this line is intact');
      }
      length += bytes.length;
    },
    sync: () => fs.fsyncSync(fd),
    close: () => fs.closeSync(fd),
  };
}

/** Removes the incomplete line of a failed append. If the removal fails too, readers skip the line. */
function truncateQuietly(fd: number, length: number, fs: FileSystem): void {
  try {
    fs.ftruncateSync(fd, length);
  } catch {
    // readers skip an incomplete last line
  }
}

/** Returns the number of bytes up to and including the last line feed. */
function completeLinesBytes(bytes: Uint8Array): number {
  return bytes.lastIndexOf(10) + 1;
}

/**
 * Reads the values of a JSON-lines file, without an incomplete last line.
 *
 * @returns [] if the file does not exist
 * @throws StoreError with the number of a complete line that is not JSON
 */
export function readJsonLines(path: string, fs: FileSystem = diskFileSystem): unknown[] {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const text = Buffer.from(bytes.subarray(0, completeLinesBytes(bytes))).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (cause) {
        throw new StoreError(
          `${path}:${index + 1}: expected a line of JSON, got "${line.slice(0, 40)}"; another program changed the file`,
          { code: 'TROUPE_STORE_JSON', exitCode: 2, cause },
        );
      }
    });
}
