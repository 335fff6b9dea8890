import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openModelWeights } from '../gguf/model-files.ts';
import { copyModel } from './swap-candidate.ts';

it('copies a GGUF file as a folder with the same weights', () => {
  const dir = fs.mkdtempSync(join(tmpdir(), 'troupe-copy-'));
  const from = join(import.meta.dirname, '../../test/fixtures/gguf/smollm3.gguf');
  try {
    copyModel(from, join(dir, 'copy'));
    expect(fs.readdirSync(join(dir, 'copy')).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const [file, folder] = [openModelWeights(from), openModelWeights(join(dir, 'copy'))];
    expect([...folder.tensors.keys()].sort()).toEqual([...file.tensors.keys()].sort());
    for (const name of file.tensors.keys()) expect(folder.read(name)).toEqual(file.read(name));
    file.close();
    folder.close();
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
