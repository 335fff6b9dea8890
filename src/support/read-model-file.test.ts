import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ConfigError } from './errors.ts';
import { readModelFile, readModelFileText } from './read-model-file.ts';

const dir = mkdtempSync(join(tmpdir(), 'troupe-model-file-'));
afterAll(() => rmSync(dir, { recursive: true }));
const isRoot = process.getuid?.() === 0;

it('reads bytes and text', () => {
  const path = join(dir, 'config.json');
  writeFileSync(path, '{"é": 1}');
  expect(readModelFileText(path)).toBe('{"é": 1}');
  expect(readModelFile(path)).toHaveLength(9);
});

it('names a file that cannot be read in one line', () => {
  const folder = join(dir, 'tokenizer.json');
  mkdirSync(folder);
  expect(() => readModelFileText(folder)).toThrow(ConfigError);
  expect(() => readModelFileText(folder)).toThrow(`${folder}: expected a file of a model, got a folder`);
  const missing = join(dir, 'missing.json');
  expect(() => readModelFile(missing)).toThrow(`${missing}: expected a file of a model, got nothing there`);
});

it.skipIf(isRoot)('names a file without permission', () => {
  const path = join(dir, 'secret.json');
  writeFileSync(path, '{}');
  chmodSync(path, 0);
  expect(() => readModelFileText(path)).toThrow(
    `${path}: expected a file of a model, got one that this user may not`,
  );
});
