/**
 * Reads small files of a model folder. A file that exists but cannot be read is an error of its own, because a model
 * without the file may load in another way.
 * @module
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from './errors.ts';
import { readFailure } from './read-failure.ts';

/** @throws ConfigError with the path if the file cannot be read */
export function readModelFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError(`${path}: expected a file of a model, got ${readFailure(cause)}`, {
      code: 'TROUPE_MODEL_FILE',
      cause,
    });
  }
}

/** Reads a file of UTF-8 text. @throws ConfigError with the path if the file cannot be read */
export function readModelFileText(path: string): string {
  return readModelFile(path).toString('utf8');
}
