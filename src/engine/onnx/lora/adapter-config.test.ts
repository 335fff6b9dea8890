import { describe, expect, it } from 'vitest';
import { adapterConfigJson, adapterTargets, parseAdapterConfig } from './adapter-config.ts';

const WHERE = 'a/adapter_config.json';
/** A file written by PEFT. */
const WRITTEN = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  auto_mapping: null,
  base_model_name_or_path: 'base',
  bias: 'none',
  corda_config: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_alpha: 16,
  lora_bias: false,
  lora_dropout: 0.05,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  peft_type: 'LORA',
  qalora_group_size: 16,
  r: 4,
  rank_pattern: {},
  target_modules: ['v_proj', 'q_proj'],
  task_type: 'CAUSAL_LM',
  use_dora: false,
  use_rslora: false,
};
const parsed = (changes: Readonly<Record<string, unknown>> = {}) =>
  parseAdapterConfig({ ...WRITTEN, ...changes }, WHERE);

describe("reading PEFT's adapter_config.json", () => {
  it('reads rank, alpha and target modules, in the order of a layer', () => {
    expect(parsed()).toEqual({
      rank: 4,
      alpha: 16,
      rankStabilized: false,
      targets: ['q_proj', 'v_proj'],
      base: 'base',
    });
    expect(parsed({ use_rslora: true }).rankStabilized).toBe(true);
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ peft_type: 'IA3' }, 'peft_type: expected "LORA", others are not supported, got "IA3"'],
    [{ bias: 'all' }, 'bias: expected "none", others are not supported, got "all"'],
    [{ use_dora: true }, 'use_dora: this setting of adapters is not honoured, got true'],
    [{ rank_pattern: { q_proj: 8 } }, 'rank_pattern: this setting of adapters is not honoured'],
    [{ modules_to_save: ['lm_head'] }, 'modules_to_save: this setting of adapters is not honoured'],
    [{ layers_to_transform: 3 }, 'layers_to_transform: this setting of adapters is not honoured, got 3'],
    [{ init_lora_weights: 'pissa' }, 'init_lora_weights: expected true or false'],
    [{ r: 0 }, 'r: expected a positive integer, got 0'],
    [{ lora_alpha: -1 }, 'lora_alpha: expected a number > 0, got -1'],
    [
      { base_model_name_or_path: null },
      'base_model_name_or_path: expected the folder of the base model, got null',
    ],
    [{ target_modules: 'q_proj|v_proj' }, 'target_modules: expected a list of q_proj, k_proj'],
    [{ target_modules: ['embed_tokens'] }, 'got "embed_tokens"'],
    [{ target_modules: ['q_porj'] }, 'got "q_porj"; did you mean "q_proj"?'],
  ])('rejects %j', (changes, line) => {
    expect(() => parsed(changes)).toThrow(`${WHERE} `);
    expect(() => parsed(changes)).toThrow(line);
  });

  it('round-trips a written config', () => {
    const config = { ...parsed({ use_rslora: true }), targets: adapterTargets('all-linear', WHERE) };
    expect(parseAdapterConfig(JSON.parse(JSON.stringify(adapterConfigJson(config))), WHERE)).toEqual(config);
  });
});
