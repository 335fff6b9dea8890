/**
 * Checks that a user's TypeScript task module loads, both in the command and with the loader of the installed
 * Node version.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const TROUPE = fileURLToPath(new URL('../bin/troupe.mjs', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-module-'));
  // `npm init` writes type "commonjs"; a task module is loaded as an ES module nevertheless
  writeFileSync(join(dir, 'package.json'), '{"type": "commonjs"}');
  writeFileSync(
    join(dir, 'team.yaml'),
    'name: mine\nbase: nowhere\nagents: 2\ntask: { module: ./task.ts }\n',
  );
  writeFileSync(
    join(dir, 'task.ts'),
    `import { words } from './words.ts';
    interface Problem { readonly prompt: string; readonly answer: string }
    export const items = (): Problem[] => words.map((word) => ({ prompt: \`\${word}?\`, answer: word }));
    export const verify = (item: Problem, text: string) => ({ correct: text === item.answer, answer: text });`,
  );
});
afterAll(() => rmSync(dir, { recursive: true }));

function check(words: string): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  writeFileSync(join(dir, 'words.ts'), words);
  const { status, stdout, stderr } = spawnSync(process.execPath, [TROUPE, 'tasks', 'check', 'team.yaml'], {
    cwd: dir,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

it('is loaded with its imports, and without a warning', () => {
  const words = Array.from({ length: 40 }, (_, index) => `w${index}`);
  const { status, stdout, stderr } = check(`export const words: string[] = ${JSON.stringify(words)};`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/"w\d+\?" {2}gold "w\d+"/);
});

it.each([
  ['export const words: string[] = [];\nlet x: = 3;', 'words.ts:2: Unexpected token `=`'],
  ['\n\nexport enum Words { a }', 'words.ts:3: TypeScript enum is not supported in strip-only mode'],
  ["export const words = [];\nthrow new Error('on purpose');", 'on purpose'],
])('is rejected in one line with its position: %j', (words, message) => {
  const { status, stdout, stderr } = check(words);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(`task.ts: expected a module that loads, got: ${message}`);
  expect(stderr.trimEnd()).not.toContain('\n');
});
