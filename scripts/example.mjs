/**
 * Runs an example by its number.
 *
 * Usage: npm run example -- 01
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [number = '', ...rest] = process.argv.slice(2);
const folder = fileURLToPath(new URL('../examples/', import.meta.url));
const programs = readdirSync(folder).filter((name) => /^\d\d-.*\.ts$/.test(name));
const program = programs.find((name) => name.startsWith(`${number.padStart(2, '0')}-`));
if (number === '' || program === undefined) {
  console.error(`expected the number of an example, got "${number}":\n${programs.join('\n')}`);
  process.exit(2);
}
const loader = new URL('typescript.mjs', import.meta.url).href;
const { status } = spawnSync(process.execPath, ['--import', loader, folder + program, ...rest], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
