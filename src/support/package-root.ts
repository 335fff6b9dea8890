/**
 * Locates files that ship with this package beside its code, such as recipes and pages. `src` and `dist` lie at the
 * same depth, so a path is the same in a checkout and in an installed package.
 * @module
 */
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../', import.meta.url);

/**
 * @param path - relative to the folder of package.json, with `/`; '' for the folder itself
 * @returns the absolute path
 */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
