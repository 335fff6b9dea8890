/**
 * Names for run folders nobody chose a name for.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The first of `runs/NAME-1`, `runs/NAME-2`, ... that is not taken. */
export function freeRunFolder(name: string, parent = 'runs'): string {
  const plain = name.replaceAll(/[^\w.-]+/g, '-');
  for (let n = 1; ; n++) {
    const dir = join(parent, `${plain}-${n}`);
    if (!existsSync(dir)) return dir;
  }
}
