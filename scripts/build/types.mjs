/** Writes to `dist` the type declarations of the public entry files and of the files that they import. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, removeOthers, writeIfChanged } from './javascript.mjs';

/** Matches a relative import in a declaration. TypeScript keeps the extension of the source file there. */
const SOURCE_IMPORT = /((?:from |import\()(['"])\.[^'"\n]*)\.ts(?=\2)/g;

/**
 * @returns number of declaration files
 * @throws Error if the types have errors, after these were printed to standard error
 */
export function buildTypes() {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const words = [compiler, '-p', 'tsconfig.build.json', '--listEmittedFiles', '--pretty', 'false'];
  const { status, stdout } = spawnSync(process.execPath, words, { cwd: ROOT, encoding: 'utf8' });
  const lines = stdout.split('\n');
  if (status !== 0) {
    console.error(lines.filter((line) => !line.startsWith('TSFILE: ')).join('\n'));
    throw new Error('build: the types have errors');
  }
  const emitted = lines.filter((line) => line.startsWith('TSFILE: ')).map((line) => join(line.slice(8)));
  for (const path of emitted)
    writeIfChanged(path, Buffer.from(readFileSync(path, 'utf8').replace(SOURCE_IMPORT, '$1.js')));
  removeOthers('.d.ts', emitted);
  return emitted.length;
}
