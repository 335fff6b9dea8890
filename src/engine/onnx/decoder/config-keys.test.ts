import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig, SMALL_SIZES, WHERE } from '../testing/read-config.ts';
import { ARCHITECTURES, FAMILIES } from './families.ts';

const harmless: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync('test/fixtures/configs/harmless-keys.json', 'utf8'),
);

describe.each(ARCHITECTURES)('%s', (architecture) => {
  const plain = { ...SMALL_SIZES, model_type: FAMILIES[architecture].modelType };
  const { config } = readConfig(plain);

  it('ignores keys without effect', () => {
    const { auto_map, ...silent } = harmless;
    expect(readConfig({ ...plain, ...silent })).toEqual({ config, warnings: [] });
    for (const [key, value] of Object.entries(silent))
      expect(readConfig({ ...plain, [key]: value })).toEqual({ config, warnings: [] });
    expect(readConfig({ ...plain, auto_map })).toEqual({
      config,
      warnings: [
        `${WHERE}: "auto_map" names code that is never run; the model is computed as Transformers computes ${architecture}`,
      ],
    });
  });

  it('ignores keys that only other families read', () => {
    const others = { sliding_window_pattern: 6, rope_local_base_freq: undefined, max_window_layers: 1 };
    expect(readConfig({ ...plain, ...others }).warnings).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    [
      'quantization_config',
      { bits: 4 },
      'expected no such setting, got {"bits":4}; the weights are quantized',
    ],
    ['compression_config', { format: 'x' }, 'the weights are quantized'],
    ['quantization', { group_size: 64, bits: 4 }, 'the weights are quantized'],
    ['attention_dropout', 0.1, 'expected 0, got 0.1; the engine has no dropout'],
    ['resid_pdrop', 0.1, 'expected 0, got 0.1; the engine has no dropout'],
    ['partial_rotary_factor', 0.5, 'expected 1, got 0.5; rotary positions cover the whole head'],
    ['is_causal', false, 'expected true, got false; attention is causal'],
    ['use_bidirectional_attention', true, 'expected no such setting, got true; attention is causal'],
    ['num_local_experts', 8, 'expected 0, got 8; this family has no mixture of experts'],
    ['logit_scale', 0.0625, 'expected 1, got 0.0625; this family does not scale'],
    ['pruned_heads', { 0: [1] }, 'the weights lack parts of the model'],
  ])('refuses %s', (key, value, line) => {
    expect(() => readConfig({ ...plain, [key]: value })).toThrow(`${WHERE} ${key}: `);
    expect(() => readConfig({ ...plain, [key]: value })).toThrow(line);
    expect(readConfig({ ...plain, [key]: null })).toEqual({ config, warnings: [] });
  });
});

it('refuses sliced projections in the family whose class computes them', () => {
  expect(() => readConfig({ ...SMALL_SIZES, model_type: 'llama', pretraining_tp: 2 })).toThrow(
    `${WHERE} pretraining_tp: expected 1, got 2; projections in slices are rounded differently`,
  );
  expect(readConfig({ ...SMALL_SIZES, model_type: 'smollm3', pretraining_tp: 2 }).warnings).toEqual([]);
});

it('refuses norms of queries and keys where the family has none', () => {
  const normed = (model_type: string) =>
    readConfig({ ...SMALL_SIZES, model_type, qk_norm: true, use_qk_norm: true });
  expect(() => normed('llama')).toThrow(
    'qk_norm: expected no such setting, got true; this family has no norms',
  );
  expect(normed('qwen3').warnings).toEqual([]);
});

it('warns once about all unknown keys, with the known key that is close', () => {
  const unknown = { use_sliding_windw: true, frobnicate: 3, off: false, none: null, empty: [] };
  expect(
    readConfig({
      ...SMALL_SIZES,
      model_type: 'qwen3',
      ...unknown,
      rope_scaling: { type: 'linear', factor: 2, beta_fast: 3 },
    }).warnings,
  ).toEqual([
    `${WHERE}: the keys "use_sliding_windw" (did you mean "use_sliding_window"?), "frobnicate", "rope_scaling.beta_fast" are not known and are ignored`,
  ]);
  expect(readConfig({ ...SMALL_SIZES, model_type: 'llama', frobnicate: 3 }).warnings).toEqual([
    `${WHERE}: the key "frobnicate" is not known and is ignored`,
  ]);
});
