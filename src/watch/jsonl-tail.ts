/**
 * Follows a JSON-lines file that another process may be writing: whole lines only, each once. A resumed
 * run cuts its files back and goes on, maybe past the place that was read; that is noticed by the bytes
 * before this place, and the reader is told to begin anew.
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { StoreError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';

/** What a look at the file brought. */
export interface TailResult {
  /** The file is no continuation of what was read before; `values` start at its beginning. */
  readonly restarted: boolean;
  readonly values: readonly unknown[];
}

export interface LineTail {
  /**
   * The values of lines that were completed since the last call.
   *
   * @throws StoreError naming the line when a whole line is not JSON
   */
  poll(): TailResult;
}

/** Bytes before the reading position that are compared. */
const MEMORY_BYTES = 256;
const CHUNK_BYTES = 1 << 20;

/** @param path - a file that need not exist yet */
export function createLineTail(path: string): LineTail {
  let position = 0;
  let lines = 0;
  let memory = Buffer.alloc(0);
  return {
    poll() {
      let fd: number;
      try {
        fd = openSync(path, 'r');
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
        const restarted = position > 0;
        position = lines = 0;
        memory = Buffer.alloc(0);
        return { restarted, values: [] };
      }
      try {
        const size = fstatSync(fd).size;
        const restarted =
          size < position || !readAt(fd, position - memory.length, memory.length).equals(memory);
        if (restarted) {
          position = lines = 0;
          memory = Buffer.alloc(0);
        }
        const bytes = readAt(fd, position, size - position);
        const whole = bytes.subarray(0, bytes.lastIndexOf(10) + 1);
        const values = parseLines(whole, path, lines);
        position += whole.length;
        lines += values.length;
        memory = Buffer.concat([memory, whole.subarray(-MEMORY_BYTES)]).subarray(-MEMORY_BYTES);
        return { restarted, values };
      } finally {
        closeSync(fd);
      }
    },
  };
}

function readAt(fd: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = readSync(fd, bytes, filled, Math.min(CHUNK_BYTES, length - filled), start + filled);
    if (count === 0) break; // cut back while it is read; the next look sees it
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function parseLines(bytes: Buffer, path: string, before: number): unknown[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((line, index) => {
      try {
        return JSON.parse(line) as unknown;
      } catch (cause) {
        throw new StoreError(
          `${path}:${before + index + 1}: expected a line of JSON, got "${line.slice(0, 40)}"; the file was changed by something else`,
          { code: 'TROUPE_STORE_JSON', exitCode: 2, cause },
        );
      }
    });
}
