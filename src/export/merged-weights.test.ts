import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../support/safetensors.ts';
import { exportAgent, planShards } from './export-agent.ts';
import { exportedWeights } from './merged-weights.ts';

let dir: string;
const base = (): string => join(dir, 'base');
const adapter = (): string => join(dir, 'adapter');
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-merge-'));
  fs.mkdirSync(base());
  fs.mkdirSync(adapter());
  writeSafetensors(join(base(), 'model.safetensors'), [
    { name: 'model.layers.0.q.weight', shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) },
    { name: 'model.norm.weight', shape: [3], values: Float32Array.of(7, 8, 9) },
  ]);
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

function writeAdapter(config: object, rowsOfB = 2, target = 'model.layers.0.q'): void {
  fs.writeFileSync(
    join(adapter(), 'adapter_config.json'),
    JSON.stringify({ r: 1, lora_alpha: 2, ...config }),
  );
  const at = (side: string): string => `base_model.model.${target}.lora_${side}.weight`;
  writeSafetensors(join(adapter(), 'adapter_model.safetensors'), [
    { name: at('A'), shape: [1, 3], values: Float32Array.of(1, 0, -1) },
    { name: at('B'), shape: [rowsOfB, 1], values: Float32Array.from({ length: rowsOfB }, (_, i) => 10 ** i) },
  ]);
}

function merged(): Record<string, number[]> {
  const weights = exportedWeights(base(), adapter());
  const values = weights.tensors.map(({ name, values: make }) => [name, [...make()]] as [string, number[]]);
  weights.close();
  return Object.fromEntries(values);
}

describe('an adapter merged into its base', () => {
  it('adds alpha / r times B A to the target weight alone', () => {
    writeAdapter({});
    // scale alpha / r = 2, and B A = [[1, 0, -1], [10, 0, -10]]
    expect(merged()).toEqual({
      'model.layers.0.q.weight': [3, 2, 1, 24, 5, -14],
      'model.norm.weight': [7, 8, 9],
    });
  });

  it('is refused for a base with parts for images, before weights are written', () => {
    writeAdapter({});
    fs.writeFileSync(join(base(), 'config.json'), JSON.stringify({ model_type: 'gemma3', text_config: {} }));
    const to = join(dir, 'out');
    expect(() => exportAgent(adapter(), to, { dtype: 'F32', maxShardBytes: 1e9, mergeInto: base() })).toThrow(
      'config.json: expected the base of a text model, got one for text and images',
    );
    expect(fs.existsSync(join(to, 'model.safetensors'))).toBe(false);
  });

  it('adds alpha / sqrt(r) times B A for rank-stabilised LoRA', () => {
    writeAdapter({ r: 1, lora_alpha: 3, use_rslora: true });
    expect(merged()['model.layers.0.q.weight']).toEqual([4, 2, 0, 34, 5, -24]);
  });

  it.each<[string, () => void, RegExp]>([
    [
      'another shape',
      () => writeAdapter({}, 4),
      /of shape \[4,1\] fits no weight of \S+; the two belong to different/,
    ],
    ['another layer', () => writeAdapter({}, 2, 'model.layers.7.q'), /layers\.7.* fits no weight/],
    ['DoRA', () => writeAdapter({ use_dora: true }), /expected plain LoRA of one rank, got DoRA or patterns/],
    ['no rank', () => writeAdapter({ r: null }), /expected numbers r and lora_alpha, got null and 2/],
  ])('is refused with %s', (_, write, line) => {
    write();
    expect(merged).toThrow(line);
  });
});

it('splits tensors into shards in order, none above the limit except for a single larger tensor', () => {
  const tensors = [10, 10, 50, 5, 5].map((size) => ({ shape: [size] }));
  const shards = planShards(tensors, { dtype: 'F32', maxShardBytes: 80 });
  expect(shards.map((shard) => shard.map(({ shape }) => shape[0]))).toEqual([[10, 10], [50], [5, 5]]);
  expect(planShards([], { dtype: 'BF16', maxShardBytes: 1 })).toEqual([[]]);
});
