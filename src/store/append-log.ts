/**
 * An append-only JSON-lines file. After a crash its last line may be incomplete. Readers skip that line; the
 * process that owns the file truncates it to a recorded length.
 * @module
 */

import { writeError } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem, systemErrorCode } from '../support/file-system.ts';

export interface AppendLog {
  readonly path: string;
  /** Length of the file, bytes; all lines up to this length are complete. */
  readonly lengthBytes: number;
  /**
   * Appends one line of JSON per value; NaN and Infinity become null.
   *
   * @throws StoreError if writing fails; the file then keeps its previous length
   */
  append(values: readonly unknown[]): void;
  /** Flushes the file to disk. */
  sync(): void;
  close(): void;
}

export interface AppendLogOptions {
  /**
   * Length to which the file is truncated, bytes; the file must not be shorter. Absent: only an incomplete
   * last line is removed.
   */
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
 * Reads the values of a JSON-lines file; skips an incomplete last line.
 *
 * @returns [] if the file does not exist
 * @throws StoreError with the number of the line if a complete line is not JSON
 */
export function readJsonLines(path: string, fs: FileSystem = diskFileSystem): unknown[] {
  return parseJsonLines(fileBytes(path, fs), { path });
}

/**
 * Reads the values of a JSON-lines file on which no decision depends, e.g. times; skips damaged lines and an incomplete
 * last line.
 *
 * @returns [] if the file does not exist
 */
export function readIntactJsonLines(path: string, fs: FileSystem = diskFileSystem): unknown[] {
  return parseJsonLines(fileBytes(path, fs), { path, skipDamaged: true });
}

/** Returns the bytes of a file; none if it does not exist. */
function fileBytes(path: string, fs: FileSystem): Uint8Array {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return new Uint8Array();
    throw error;
  }
}

export interface ParseJsonLinesOptions {
  /** Path of the file, for messages. */
  readonly path: string;
  /** Number of lines of the file before these bytes. */
  readonly linesBefore?: number;
  /** Whether damaged lines are skipped instead of refused. */
  readonly skipDamaged?: boolean;
  /** Remedy for the message about a damaged line. */
  readonly advice?: string;
}

/**
 * Parses the complete lines of a log. The lines are decoded one by one, because a string of the
 * whole file can exceed the maximum length of strings.
 *
 * @throws StoreError (exit code 2) with the number of the first damaged line
 */
export function parseJsonLines(bytes: Uint8Array, options: ParseJsonLinesOptions): unknown[] {
  const { path, linesBefore = 0, skipDamaged = false } = options;
  const { advice = 'another program or a power cut damaged the file' } = options;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: unknown[] = [];
  let number = linesBefore;
  for (
    let start = 0, end = buffer.indexOf(10);
    end !== -1;
    start = end + 1, end = buffer.indexOf(10, start)
  ) {
    number += 1;
    const value = jsonValue(buffer.toString('utf8', start, end));
    if (value !== undefined) values.push(value);
    else if (!skipDamaged)
      throw new StoreError(
        `${path}:${number}: expected a line of JSON, got ${shownLine(buffer.subarray(start, end))}; ${advice}`,
        { code: 'TROUPE_STORE_JSON', exitCode: 2 },
      );
  }
  return values;
}

/** Returns the value of a line; undefined if the line is not JSON. */
function jsonValue(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // the caller reports the line
  }
}

/** Formats a damaged line for a message, without control characters. */
function shownLine(line: Buffer): string {
  if (line.length === 0) return 'an empty line';
  const first = line.indexOf(0);
  if (first === -1) return JSON.stringify(line.toString('utf8', 0, 40));
  let zeros = 0;
  for (const byte of line) if (byte === 0) zeros += 1;
  return zeros === line.length ? `${zeros} zero bytes` : `${line.length} bytes, of which ${zeros} are zero`;
}
