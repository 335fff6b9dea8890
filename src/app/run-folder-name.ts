/**
 * Names of new run folders.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Checks that a path does not exist. @throws StoreError if it does */
export { assertFree as requireFreeFolder } from '../store/run-folder.ts';

/** Returns the default run folder: the first of `runs/NAME-1`, `runs/NAME-2`, ... that does not exist. */
export function freeRunFolder(name: string, parent = 'runs'): string {
  const plain = name.replaceAll(/[^\w.-]+/g, '-');
  for (let n = 1; ; n++) {
    const dir = join(parent, `${plain}-${n}`);
    if (!existsSync(dir)) return dir;
  }
}
