/**
 * Reads the text of a configuration file: a team file, a serve file, or the `config.yaml` of a run.
 * @module
 */
import { readFileSync } from 'node:fs';
import { ConfigError } from '../support/errors.ts';
import { readFailure } from '../support/read-failure.ts';

const FOLDER = 'a folder; resume a run with "train --resume", evaluate one with "eval"';

/** A line of YAML without a value: a comment, a blank line, or a document marker. */
const WITHOUT_VALUE = /^(?:\s*|(?:---|\.\.\.)\s*)(?:#.*)?$/;

/**
 * @param what - kind of the file for messages, e.g. `a team file (YAML)`
 * @throws ConfigError with one line if the file cannot be read, is empty, or is not UTF-8 text
 */
export function readConfigText(path: string, what: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw refusal({ path, what }, readFailure(cause, FOLDER), cause);
  }
  if (bytes.every((byte) => byte === 0 || byte === 10 || byte === 13 || byte === 32))
    throw refusal({ path, what }, bytes.includes(0) ? `${bytes.length} bytes without text` : 'an empty file');
  const zero = bytes.indexOf(0);
  if (zero !== -1) {
    const line = bytes.subarray(0, zero).filter((byte) => byte === 10).length + 1;
    throw refusal(
      { path, what },
      `a file with zero bytes, the first in line ${line}; restore it from a backup`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refusal({ path, what }, 'bytes that are not UTF-8 text; save the file as UTF-8', cause);
  }
  if (text.split(/\r?\n/).every((line) => WITHOUT_VALUE.test(line)))
    throw refusal({ path, what }, 'an empty file, with comments only');
  return text;
}

function refusal(
  { path, what }: { readonly path: string; readonly what: string },
  got: string,
  cause?: unknown,
): ConfigError {
  return new ConfigError(`${path}: expected ${what}, got ${got}`, { code: 'TROUPE_CONFIG_FILE', cause });
}
