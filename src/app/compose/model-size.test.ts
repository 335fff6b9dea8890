import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { exportAgent } from '../../export/export-agent.ts';
import { saveTinyModel, writeTinyGguf } from '../../export/testing/tiny-models.ts';
import { weightBytes } from '../../support/model-files.ts';
import { loadedBytes } from './model-size.ts';

it('the memory for a model depends on its number of parameters, not on the type of its files', async () => {
  const dir = fs.mkdtempSync(join(tmpdir(), 'troupe-model-size-'));
  try {
    const folder = join(dir, 'tiny');
    await saveTinyModel(folder);
    exportAgent(folder, join(dir, 'shards'), { dtype: 'F16', maxShardBytes: 10_000 });
    expect(fs.existsSync(join(dir, 'shards/model.safetensors.index.json'))).toBe(true);
    for (const type of ['F32', 'F16', 'Q8_0'] as const)
      writeTinyGguf(join(dir, `${type}.gguf`), folder, { type });
    const models = [
      folder,
      ...['shards', 'F32.gguf', 'F16.gguf', 'Q8_0.gguf'].map((name) => join(dir, name)),
    ];
    const bytes = loadedBytes(folder);
    // the file is the length of its header in 8 bytes, the header, and the numbers
    const file = fs.readFileSync(join(folder, 'model.safetensors'));
    expect(file.length - 8 - Number(file.readBigUInt64LE(0))).toBe(bytes);
    expect(models.map(loadedBytes)).toEqual(models.map(() => bytes));
    expect(new Set(models.map(weightBytes)).size).toBeGreaterThanOrEqual(4);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
});
