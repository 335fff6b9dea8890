/**
 * Checks that in a checkout the first command builds `dist`, and that a later one rebuilds it if `src` has
 * changed.
 */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-build-'));
  for (const name of ['bin', 'scripts', 'src', 'package.json', 'package-lock.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), join(dir, name), { recursive: true });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const inCheckout = (path: string): string => join(dir, path);
const version = (): { readonly status: number | null; readonly stdout: string; readonly stderr: string } => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [inCheckout('bin/troupe.mjs'), '--version'],
    { encoding: 'utf8' },
  );
  return { status, stdout, stderr };
};

it('names the command that installs missing dependencies', () => {
  expect(version()).toEqual({
    status: 2,
    stdout: '',
    stderr: 'troupe: expected the locked dependencies, got none; run "node scripts/ensure-installed.mjs"\n',
  });
});

it('is built by the first command, and rebuilt when a source is changed, added or removed', () => {
  symlinkSync(join(ROOT, 'node_modules'), inCheckout('node_modules'), 'dir');
  const works = {
    status: 0,
    stdout: `${JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version}\n`,
    stderr: '',
  };
  expect(version()).toEqual(works);
  const main = inCheckout('dist/cli/main.js');
  const made = statSync(main).mtimeMs;
  expect(version()).toEqual(works);
  expect(statSync(main).mtimeMs).toBe(made);

  writeFileSync(inCheckout('src/support/added.ts'), 'export const added: number = 1;\n');
  const source = inCheckout('src/support/package-root.ts');
  writeFileSync(source, `import './added.ts';\n${readFileSync(source, 'utf8')}`);
  expect(version()).toEqual(works);
  expect(readFileSync(inCheckout('dist/support/package-root.js'), 'utf8')).toContain('import "./added.js";');
  expect(existsSync(inCheckout('dist/support/added.js'))).toBe(true);
  expect(statSync(main).mtimeMs).toBe(made);

  unlinkSync(inCheckout('src/support/added.ts'));
  writeFileSync(source, readFileSync(join(ROOT, 'src/support/package-root.ts')));
  expect(version()).toEqual(works);
  expect(existsSync(inCheckout('dist/support/added.js'))).toBe(false);
});

it('reports an error in a source in one line', () => {
  writeFileSync(inCheckout('src/support/package-root.ts'), 'export const = 3;\n');
  const { status, stderr } = version();
  expect(status).toBe(2);
  expect(stderr).toMatch(/^troupe: src\/support\/package-root\.ts:1:13: .*\n$/);
});
