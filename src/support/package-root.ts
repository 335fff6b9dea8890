/**
 * Locates files that ship with this package beside its code, e.g. recipes and web pages. The folders `src`
 * and `dist` have the same depth, so a path relative to the package is the same in a checkout and in an
 * installed package.
 * @module
 */
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/**
 * Returns the absolute path of a file of this package.
 *
 * @param path - path relative to the folder of package.json, with `/`; '' for the folder itself
 */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
