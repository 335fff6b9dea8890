/**
 * Describes why a file cannot be read.
 * @module
 */
import { systemErrorCode } from './file-system.ts';

/**
 * Returns the part of an error message after "got".
 *
 * @param cause - error of a read operation
 * @param folder - description of a folder in place of the file
 */
export function readFailure(cause: unknown, folder = 'a folder'): string {
  switch (systemErrorCode(cause)) {
    case 'ENOENT':
      return 'nothing there';
    case 'EISDIR':
      return folder;
    case 'EACCES':
    case 'EPERM':
      return 'one that this user may not read; change its permissions';
    default:
      return `one that cannot be read (${cause instanceof Error ? cause.message : String(cause)})`;
  }
}
