import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportAgent } from '../../export/export-agent.ts';
import { createOnnxEngine } from './engine.ts';

// tiny models with log-probabilities of Transformers, written by conformance/write_gguf_fixtures.py, which also
// compares them with llama.cpp
const FIXTURES = join(import.meta.dirname, '../../../test/fixtures/gguf');
const MODELS = ['llama', 'llama3', 'mistral3', 'qwen2', 'qwen2-yarn', 'qwen3', 'gemma2', 'gemma3', 'smollm3'];

describe('a GGUF model of architecture', () => {
  it.each(MODELS)('%s gives the log-probabilities of Transformers', async (name) => {
    const path = join(FIXTURES, `${name}.gguf`);
    const { tokens, logprobs } = JSON.parse(fs.readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as {
      readonly tokens: readonly number[];
      readonly logprobs: readonly number[];
    };
    const engine = createOnnxEngine({ threads: 1 });
    const model = await engine.load({ dir: path });
    const sequence = {
      context: Int32Array.of(tokens[0] as number),
      tokens: Int32Array.from(tokens.slice(1)),
    };
    const [scored] = await model.forward([sequence], { temperature: 1 });
    await engine.close();
    expect(scored).toHaveLength(logprobs.length);
    for (const [i, expected] of logprobs.entries()) expect(scored?.[i]).toBeCloseTo(expected, 4);
  });
});

describe('a model that was loaded from a GGUF file', () => {
  let dir: string;
  beforeEach(() => {
    dir = fs.mkdtempSync(join(tmpdir(), 'troupe-gguf-model-'));
  });
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('is refused by the shapes in its header, before memory for its weights is allocated', async () => {
    const bytes = fs.readFileSync(join(FIXTURES, 'llama.gguf'));
    const key = 'llama.feed_forward_length';
    // the key is followed by the number of its type
    bytes.writeUInt32LE(1e9, bytes.indexOf(key) + key.length + 4);
    const path = join(dir, 'damaged.gguf');
    fs.writeFileSync(path, bytes);
    const engine = createOnnxEngine({ threads: 1 });
    await expect(engine.load({ dir: path })).rejects.toThrow(
      /damaged\.gguf: tensor "[\w.]+" has shape \[\d+,\d+\], config\.json asks for \[1000000000,\d+\];/,
    );
    await engine.close();
  });

  const sequence = { context: Int32Array.of(1, 5, 9), tokens: Int32Array.of(7, 30, 4, 0) };
  const params = { temperature: 1 };
  const ADAMW = {
    learningRate: 0.05,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: Infinity,
  };

  it('is saved as a folder with its tokenizer, which gives the same log-probabilities', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    const model = await engine.load({ dir: join(FIXTURES, 'gemma3.gguf') });
    await model.save(join(dir, 'saved'));
    expect(fs.readdirSync(join(dir, 'saved')).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'optimizer.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const saved = await engine.load({ dir: join(dir, 'saved') });
    expect(await saved.forward([sequence], params)).toEqual(await model.forward([sequence], params));
    expect(saved.tokenizer.encode('!"#$ 5')).toEqual(model.tokenizer.encode('!"#$ 5'));
    expect(saved.tokenizer.endTokens).toEqual(model.tokenizer.endTokens);
    await engine.close();
  });

  it('is the base of an adapter, which is saved, resumed, and merged into a folder', async () => {
    const lora = { r: 2, alpha: 4, targetModules: 'all-linear', rslora: false } as const;
    const base = join(FIXTURES, 'llama.gguf');
    const engine = createOnnxEngine({ threads: 1, lora });
    const model = await engine.load({ dir: base });
    const before = await model.forward([sequence], params);
    for (let i = 0; i < 3; i++) {
      await model.backward([sequence], [[-1, -1, -1, -1]], params);
      await model.step(ADAMW);
    }
    const trained = await model.forward([sequence], params);
    expect(trained).not.toEqual(before);
    await model.save(join(dir, 'adapter'));
    const config = JSON.parse(fs.readFileSync(join(dir, 'adapter', 'adapter_config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ base_model_name_or_path: base });
    const resumed = await engine.load({ dir: join(dir, 'adapter') });
    expect(await resumed.forward([sequence], params)).toEqual(trained);
    exportAgent(join(dir, 'adapter'), join(dir, 'merged'), {
      dtype: 'F32',
      maxShardBytes: 1e9,
      mergeInto: base,
    });
    const merged = await createOnnxEngine({ threads: 1 }).load({ dir: join(dir, 'merged') });
    const [values] = await merged.forward([sequence], params);
    for (const [i, value] of (values ?? []).entries()) expect(value).toBeCloseTo(trained[0]?.[i] ?? 0, 4);
    await engine.close();
  });

  it('is refused in one line if the file is missing or is a folder', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    fs.mkdirSync(join(dir, 'folder.gguf'));
    await expect(engine.load({ dir: join(dir, 'none.gguf') })).rejects.toThrow(
      `${join(dir, 'none.gguf')}: the GGUF file does not exist; check the path`,
    );
    await expect(engine.load({ dir: join(dir, 'folder.gguf') })).rejects.toThrow(
      `${join(dir, 'folder.gguf', 'config.json')}: the file is missing`,
    );
    await engine.close();
  });
});
