/**
 * Follows a JSON-lines file that another process may be writing, and returns each complete line once. A
 * resumed run truncates its files to the state at a checkpoint and then appends to them, so the file can grow
 * beyond the read position again. To detect a truncation, each poll compares the last bytes before the read
 * position with the bytes read earlier. If they differ, the poll reads the file from its start.
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { parseJsonLines } from '../store/append-log.ts';
import { systemErrorCode } from '../support/file-system.ts';

/** Result of one poll of the file. */
export interface TailResult {
  /** Whether the file was truncated or replaced; `values` then starts at the beginning of the file. */
  readonly restarted: boolean;
  readonly values: readonly unknown[];
}

export interface JsonlTail {
  /**
   * Returns the parsed values of the lines that were completed since the last call.
   *
   * @throws StoreError naming the line if a complete line is not JSON
   */
  poll(): TailResult;
}

/** Number of bytes before the read position that each poll compares. */
const COMPARED_BYTES = 256;
const CHUNK_BYTES = 1 << 20;

/**
 * @param path - path of the file, which may not exist yet
 * @param options.skipDamaged - whether damaged lines are skipped; for files on which no decision depends
 */
export function createJsonlTail(
  path: string,
  { skipDamaged = false }: { readonly skipDamaged?: boolean } = {},
): JsonlTail {
  let position = 0;
  let lines = 0;
  let lastRead = Buffer.alloc(0);
  return {
    poll() {
      let fd: number;
      try {
        fd = openSync(path, 'r');
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
        const restarted = position > 0;
        position = lines = 0;
        lastRead = Buffer.alloc(0);
        return { restarted, values: [] };
      }
      try {
        const size = fstatSync(fd).size;
        const restarted =
          size < position || !readAt(fd, position - lastRead.length, lastRead.length).equals(lastRead);
        if (restarted) {
          position = lines = 0;
          lastRead = Buffer.alloc(0);
        }
        const bytes = readAt(fd, position, size - position);
        const complete = bytes.subarray(0, bytes.lastIndexOf(10) + 1); // 10: line feed
        const values = parseJsonLines(complete, { path, linesBefore: lines, skipDamaged });
        position += complete.length;
        lines += countLines(complete);
        lastRead = Buffer.concat([lastRead, complete.subarray(-COMPARED_BYTES)]).subarray(-COMPARED_BYTES);
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
    if (count === 0) break; // another process truncated the file; the next poll detects that
    filled += count;
  }
  return bytes.subarray(0, filled);
}

function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
