/**
 * A JSON-lines file that only grows. A line is whole or, after a crash, a torn rest that readers skip;
 * the owner cuts the file back to a length it recorded.
 * @module
 */

import { writeError } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';

export interface AppendLog {
  readonly path: string;
  /** Length in bytes; every line up to here was handed to the system whole. */
  readonly lengthBytes: number;
  /** Adds one line per value; NaN and Infinity become null, as JSON has it. @throws StoreError; the file then ends where it did before. */
  append(values: readonly unknown[]): void;
  /** Flushes to the disk itself. */
  sync(): void;
  close(): void;
}

export interface AppendLogOptions {
  /** Cut the file back to this many bytes; it must have at least that many. Absent: keep all whole lines. */
  readonly keepBytes?: number;
  readonly fs?: FileSystem;
}

/**
 * Opens (or creates) a JSON-lines file for appending.
 *
 * @throws StoreError when the file is shorter than `keepBytes`, or cannot be written
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
        `${path}: expected at least ${keepBytes} bytes, as the checkpoint recorded, got ${size}; the file was cut short by something else`,
        { code: 'TROUPE_STORE_SHORT', exitCode: 2 },
      );
    length = keepBytes ?? wholeLinesBytes(fs.readFileSync(path));
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
        cutBack(fd, length, fs);
        throw writeError(path, error, 'everything before this line is intact');
      }
      length += bytes.length;
    },
    sync: () => fs.fsyncSync(fd),
    close: () => fs.closeSync(fd),
  };
}

/** After a failed append the file may hold half a line; cutting can fail too, then readers skip the rest. */
function cutBack(fd: number, length: number, fs: FileSystem): void {
  try {
    fs.ftruncateSync(fd, length);
  } catch {
    // a torn last line is dropped whenever the file is read
  }
}

/** Bytes up to and including the last line feed. */
function wholeLinesBytes(bytes: Uint8Array): number {
  return bytes.lastIndexOf(10) + 1;
}

/**
 * The values of a JSON-lines file, a torn last line left out.
 *
 * @returns [] when there is no such file
 * @throws StoreError naming the line when a whole line is not JSON
 */
export function readJsonLines(path: string, fs: FileSystem = diskFileSystem): unknown[] {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
  const text = Buffer.from(bytes.subarray(0, wholeLinesBytes(bytes))).toString('utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (cause) {
        throw new StoreError(
          `${path}:${index + 1}: expected a line of JSON, got "${line.slice(0, 40)}"; the file was changed by something else`,
          { code: 'TROUPE_STORE_JSON', exitCode: 2, cause },
        );
      }
    });
}
