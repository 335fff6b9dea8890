import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readRunConfigFile } from './run-config.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-run-config-'));
afterAll(() => rmSync(dir, { recursive: true }));
const file = join(dir, 'config.yaml');

it('reads keys that this version does not know', () => {
  writeFileSync(file, 'name: t\nfuture: { key: 1 }\n');
  expect(readRunConfigFile(file)).toEqual({
    text: 'name: t\nfuture: { key: 1 }\n',
    value: { name: 't', future: { key: 1 } },
  });
});

it.each([
  ['\0\0\0', `${file}: expected the configuration of a run, got 3 bytes without text`],
  ['name: t\nseed: [\nx: 1\n', `${file}:3:1 expected YAML`],
  ['name', `${file}: expected the configuration of a run, got "name"`],
  ['- a', `${file}: expected the configuration of a run, got ["a"]`],
])('names the file of damaged text %j', (text, message) => {
  writeFileSync(file, text);
  expect(() => readRunConfigFile(file)).toThrow(message);
});
