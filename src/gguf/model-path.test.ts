import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isGgufModel, modelExists, requireModel } from './model-path.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-path-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

it('is a GGUF file by its ending, or by its first bytes', () => {
  const write = (name: string, content: string): string => {
    fs.writeFileSync(join(dir, name), content);
    return join(dir, name);
  };
  expect(isGgufModel('none/Model.GGUF')).toBe(true);
  expect(isGgufModel(write('sha256-0123', 'GGUF and more'))).toBe(true);
  expect(isGgufModel(write('config.json', '{}'))).toBe(false);
  expect(isGgufModel(write('empty', ''))).toBe(false);
  expect([isGgufModel(dir), isGgufModel(join(dir, 'none')), isGgufModel('hf:a/b')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([modelExists(dir), modelExists(join(dir, 'sha256-0123')), modelExists('none.gguf')]).toEqual([
    true,
    true,
    false,
  ]);
});

it('must exist', () => {
  fs.writeFileSync(join(dir, 'file'), 'text');
  expect(() => requireModel(dir)).not.toThrow();
  expect(() => requireModel('none.gguf')).toThrow('none.gguf: the GGUF file does not exist; check the path');
  for (const name of ['file', 'none'])
    expect(() => requireModel(join(dir, name))).toThrow(
      /the model folder does not exist; check the path, .* or make/,
    );
});
