import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configJson, shortestDecimal } from './config-json.ts';
import { openGguf, withGguf } from './container.ts';
import type { GgufValue } from './header-reader.ts';

const FIXTURES = join(import.meta.dirname, '../../test/fixtures/gguf');

/** Returns the content of `config.json` for a fixture with other metadata. */
function changed(name: string, changes: Readonly<Record<string, GgufValue>>, path = 'a.gguf') {
  return withGguf(join(FIXTURES, `${name}.gguf`), (file) => {
    const metadata = new Map([...file.metadata, ...Object.entries(changes)]);
    return configJson({ path, metadata, tensors: file.tensors, read: file.read.bind(file) });
  });
}

describe('the configuration of a GGUF file', () => {
  it('has the fields of Transformers', () => {
    expect(changed('qwen2-yarn', {})).toMatchObject({
      architectures: ['Qwen2ForCausalLM'],
      model_type: 'qwen2',
      hidden_size: 32,
      num_key_value_heads: 2,
      head_dim: 8,
      vocab_size: 64,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: false,
      rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32 },
    });
  });

  it('gives sliding windows to every layer of Gemma but the second or sixth', () => {
    const full = (json: Readonly<Record<string, unknown>>) =>
      (json.layer_types as string[]).flatMap((type, l) => (type === 'full_attention' ? [l] : []));
    expect(full(changed('gemma2', {}))).toEqual([1]);
    expect(full(changed('gemma3', {}))).toEqual([5]);
    expect(full(changed('gemma3', { 'gemma3.attention.sliding_window_pattern': 3 }))).toEqual([2, 5]);
    const flags = { length: 6, values: () => [true, false, true, true, false, true] };
    expect(full(changed('gemma3', { 'gemma3.attention.sliding_window_pattern': flags }))).toEqual([1, 4]);
    expect(full(changed('gemma3', { 'gemma3.attention.sliding_window': 0 }))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('divides scores by another number in the largest Gemma models', () => {
    expect(changed('gemma2', {})).toMatchObject({ query_pre_attn_scalar: 8 });
    expect(changed('gemma2', { 'gemma2.block_count': 46, 'gemma2.embedding_length': 48 })).toMatchObject({
      query_pre_attn_scalar: 12,
    });
  });

  it.each<[string, string, Readonly<Record<string, GgufValue>>, RegExp]>([
    [
      'another architecture',
      'llama',
      { 'general.architecture': 'mamba' },
      /^a\.gguf: architecture "mamba" is not supported; supported: llama, mistral3, qwen2,/,
    ],
    [
      'experts',
      'llama',
      { 'llama.expert_count': 8 },
      /llama\.expert_count: expected no such setting.*got 8$/,
    ],
    [
      'values per layer',
      'llama',
      { 'llama.attention.head_count': { length: 2, values: () => [4, 8] } },
      /head_count: expected the same value for all layers, got \[4,8\]/,
    ],
    [
      'partial rotary positions',
      'qwen3',
      { 'qwen3.rope.dimension_count': 4 },
      /qwen3\.rope\.dimension_count: expected 8, as in another key for head_dim, got 4/,
    ],
    [
      'another scaling',
      'qwen3',
      { 'qwen3.rope.scaling.type': 'longrope' },
      /rope\.scaling\.type: expected none, linear or yarn, got "longrope"/,
    ],
    [
      'temperature',
      'mistral3',
      { 'mistral3.attention.temperature_scale': 0.1 },
      /temperature_scale: expected no such setting/,
    ],
    ['text for a number', 'llama', { 'llama.block_count': '2' }, /block_count: expected a number, got "2"/],
    [
      'a damaged number of layers',
      'gemma3',
      { 'gemma3.block_count': 2 ** 31 },
      /block_count: expected at most 10000,/,
    ],
    ['a split', 'llama', { 'split.count': 3 }, /one file of a split model; join its files with/],
  ])('is refused with %s', (_, name, changes, message) => {
    expect(() => changed(name, changes)).toThrow(message);
  });

  it('is refused if the file is a part by its name', () => {
    expect(() => changed('llama', {}, 'x-00001-of-00002.gguf')).toThrow(/one file of a split model/);
  });

  it('has decimal numbers as people write them', () => {
    expect([1e-6, 1e-5, 10000, 1.3, 0.1].map((value) => shortestDecimal(Math.fround(value)))).toEqual([
      1e-6, 1e-5, 10000, 1.3, 0.1,
    ]);
  });
});

describe('a file', () => {
  let dir: string;
  beforeEach(() => {
    dir = fs.mkdtempSync(join(tmpdir(), 'troupe-gguf-'));
  });
  afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

  const whole = fs.readFileSync(join(FIXTURES, 'qwen3.gguf'));
  function opened(bytes: Uint8Array): () => void {
    const path = join(dir, 'x.gguf');
    fs.writeFileSync(path, bytes);
    return () => openGguf(path).close();
  }

  it('is damaged wherever it ends', () => {
    for (let length = 4; length < whole.length; length += 97)
      expect(opened(whole.subarray(0, length))).toThrow(
        /x\.gguf: the GGUF file is damaged: .*download it again$/,
      );
  });

  it('of another kind, version or byte order is refused', () => {
    const version = (value: number): Uint8Array => {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32LE(value, 4);
      return bytes;
    };
    expect(opened(Buffer.from('PK\u0003\u0004 a zip archive'))).toThrow(
      /expected a GGUF file, but it begins with "PK/,
    );
    expect(opened(version(1))).toThrow(/expected GGUF version 2 or 3, got 1/);
    expect(opened(version(0x03000000))).toThrow(/got a big-endian one/);
    expect(() => openGguf(join(dir, 'none.gguf'))).toThrow(
      /none\.gguf: expected a GGUF file, but it cannot be read/,
    );
  });

  it('with an unsupported tensor type is refused by the names of tensor and type', () => {
    const bytes = Buffer.from(whole);
    const name = Buffer.from('blk.1.ffn_down.weight');
    // after the name: number of dimensions, two dimensions, type
    bytes.writeUInt32LE(23, bytes.indexOf(name) + name.length + 4 + 16);
    fs.writeFileSync(join(dir, 'x.gguf'), bytes);
    expect(() => withGguf(join(dir, 'x.gguf'), configJson)).toThrow(
      /tensor "blk\.1\.ffn_down\.weight" has type IQ4_XS, which is not supported; supported: F32, F16, Q4_0/,
    );
  });
});
