/**
 * The file operations of durable writes, as an object that tests can replace by a full or failing disk.
 * @module
 */
import * as nodeFs from 'node:fs';

/** The functions of `node:fs` that durable writes use. */
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
  | 'realpathSync'
  | 'renameSync'
  | 'rmSync'
  | 'statSync'
  | 'symlinkSync'
  | 'truncateSync'
  | 'writeFileSync'
>;

/** The real file system. */
export const diskFileSystem: FileSystem = nodeFs;

/**
 * Returns the `code` of a Node system error (`ENOSPC`, `EEXIST`...), or that of the system error that caused
 * `error`; undefined if there is none.
 */
export function systemErrorCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause)
    if ('errno' in at && 'code' in at && typeof at.code === 'string') return at.code;
  return undefined;
}
