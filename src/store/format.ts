/**
 * Version of the files that troupe writes into run folders, checkpoints and evaluation folders.
 *
 * Version 1 called the split of the acceptance tests `test` and the split of the reports `heldout`. Since version 2
 * they are called `validation` and `test`. The word `test` is valid in both versions with opposite meanings, so
 * version 1 is refused instead of read.
 * @module
 */
import { StoreError } from '../support/errors.ts';

/**
 * Current version; written to `manifest.json` of a run, `COMPLETE` of a checkpoint and `evaluation.json` of
 * an evaluation.
 */
export const FORMAT = 2;

/**
 * Checks that a file has the current version.
 *
 * @param path - file or folder, for the message
 * @param what - kind of the file for the message, e.g. `a run`
 * @param format - version found in the file; undefined counts as version 1
 * @param writer - version of troupe that wrote the file, if known
 * @throws StoreError (exit code 2) for any other version
 */
export function requireFormat(path: string, what: string, { format = 1, writer }: Found): void {
  if (format === FORMAT) return;
  const by = writer === undefined ? '' : `, written by troupe ${writer}`;
  const isNewer = typeof format === 'number' && format > FORMAT;
  const advice = isNewer
    ? 'use that version of troupe or a newer one'
    : 'its split "test" is called "validation" now and its split "heldout" is called "test"; use the version of troupe that wrote it, or start again';
  throw new StoreError(
    `${path}: expected ${what} of format ${FORMAT}, got format ${JSON.stringify(format)}${by}; ${advice}`,
    { code: 'TROUPE_STORE_FORMAT', exitCode: 2 },
  );
}

interface Found {
  readonly format?: unknown;
  readonly writer?: string | number | undefined;
}

/**
 * Parses a JSON object of a store's file.
 *
 * @param onDamage - creates the error for text that is not a JSON object
 */
export function parseStoredObject(
  text: string,
  onDamage: () => StoreError,
): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw onDamage();
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw onDamage();
  return value as Readonly<Record<string, unknown>>; // checked by the line above
}
