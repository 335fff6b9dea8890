import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { weightBytes, weightFileNames, weightFilesIn } from './model-files.ts';

it('names all weight files of every kind of model, without the optimizer', () => {
  const names = (...files: string[]): string[] => weightFileNames(files);
  expect(names('config.json', 'model.safetensors', 'optimizer.safetensors')).toEqual(['model.safetensors']);
  expect(names('adapter_config.json', 'adapter_model.safetensors')).toEqual(['adapter_model.safetensors']);
  expect(
    names(
      'model-00002-of-00002.safetensors',
      'model-00001-of-00002.safetensors',
      'model.safetensors.index.json',
    ),
  ).toEqual(['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']);
  expect(names('tabular.json', 'tokenizer.json')).toEqual(['tabular.json']);
  expect(names('incumbent/model.safetensors', 'incumbent/optimizer.safetensors')).toEqual([
    'incumbent/model.safetensors',
  ]);
  expect(names('model-F16.gguf', 'Modelfile')).toEqual(['model-F16.gguf']);
});

it('adds up the sizes of the files below a folder, or of one file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-model-files-'));
  try {
    mkdirSync(join(dir, 'replacement'));
    writeFileSync(join(dir, 'replacement', 'adapter_model.safetensors'), 'abc');
    writeFileSync(join(dir, 'optimizer.safetensors'), 'abcdefgh');
    writeFileSync(join(dir, 'base.gguf'), 'ab');
    expect(weightFilesIn(dir)).toEqual(['base.gguf', 'replacement/adapter_model.safetensors']);
    expect(weightBytes(dir)).toBe(5);
    expect(weightBytes(join(dir, 'base.gguf'))).toBe(2);
    expect(weightBytes(join(dir, 'none'))).toBe(0);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
