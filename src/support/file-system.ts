/**
 * The few file operations that writing durably needs, as a value, so that tests can put a full or
 * suddenly dead disk in their place.
 * @module
 */
import * as nodeFs from 'node:fs';

/** The part of `node:fs` that writers use. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'closeSync'
  | 'existsSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'linkSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readFileSync'
  | 'readdirSync'
  | 'readlinkSync'
  | 'renameSync'
  | 'rmSync'
  | 'statSync'
  | 'symlinkSync'
  | 'truncateSync'
  | 'writeFileSync'
>;

/** The disk itself. */
export const diskFileSystem: FileSystem = nodeFs;

/** The `code` of a Node system error (`ENOSPC`, `EEXIST`...), also where it is the cause of another error. */
export function systemErrorCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('errno' in at && 'code' in at && typeof at.code === 'string') return at.code;
  return undefined;
}
