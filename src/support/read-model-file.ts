/**
 * Reads small files of a model folder. A file that exists but cannot be read is an error of its own, because a model
 * without the file may load in another way.
 * @module
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.ts';
import { systemErrorCode } from './file-system.ts';

/** @throws ConfigError with the path if the file cannot be read */
export function readModelFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError(`${path}: expected a file of a model, got ${unreadable(cause)}`, {
      code: 'TROUPE_MODEL_FILE',
      cause,
    });
  }
}

/** Reads a file of UTF-8 text. @throws ConfigError with the path if the file cannot be read */
export function readModelFileText(path: string): string {
  return readModelFile(path).toString('utf8');
}

function unreadable(cause: unknown): string {
  switch (systemErrorCode(cause)) {
    case 'ENOENT':
      return 'nothing there';
    case 'EISDIR':
      return 'a folder';
    case 'EACCES':
    case 'EPERM':
      return 'one that this user may not read; change its permissions';
    default:
      return `one that cannot be read (${cause instanceof Error ? cause.message : String(cause)})`;
  }
}
