/**
 * Expands `~` in paths that no shell has expanded: paths in files, and in arguments such as `--run=~/runs/a`.
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Replaces a leading `~` or `~/` by the home folder. Other paths, such as `~name` and `a/~`, are unchanged.
 *
 * @example
 * expandHome('models/base'); // => 'models/base'
 */
export function expandHome(path: string): string {
  if (path === '~') return homedir();
  return /^~[\\/]/.test(path) ? join(homedir(), path.slice(2)) : path;
}
