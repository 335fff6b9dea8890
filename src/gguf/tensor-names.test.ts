import { describe, expect, it } from 'vitest';
import { GGUF_ARCHITECTURES, ggufArchitectureOf } from './architectures.ts';
import { ggufName, huggingFaceName, permuteHeads, tensorChange } from './tensor-names.ts';

const traitsOf = (name: string) => {
  const found = GGUF_ARCHITECTURES.find((architecture) => architecture.name === name);
  if (!found) throw new Error(name);
  return found;
};

describe('names of tensors', () => {
  it('are translated in both directions, for every architecture', () => {
    for (const traits of GGUF_ARCHITECTURES)
      for (const name of [
        'token_embd.weight',
        'output_norm.weight',
        'output.weight',
        'blk.7.attn_q.bias',
        'blk.11.ffn_norm.weight',
        'blk.0.attn_output.weight',
      ])
        expect(ggufName(huggingFaceName(name, traits) ?? '', traits)).toBe(name);
  });

  it('of norms depend on the architecture', () => {
    expect(huggingFaceName('blk.2.ffn_norm.weight', traitsOf('qwen3'))).toBe(
      'model.layers.2.post_attention_layernorm.weight',
    );
    expect(huggingFaceName('blk.2.ffn_norm.weight', traitsOf('gemma3'))).toBe(
      'model.layers.2.pre_feedforward_layernorm.weight',
    );
    expect(ggufName('model.layers.2.post_attention_layernorm.weight', traitsOf('gemma3'))).toBe(
      'blk.2.post_attention_norm.weight',
    );
  });

  it('that have no counterpart are undefined', () => {
    expect(huggingFaceName('blk.0.ffn_gate_exps.weight', traitsOf('llama'))).toBeUndefined();
    expect(huggingFaceName('blk.0.post_ffw_norm.weight', traitsOf('llama'))).toBeUndefined();
    expect(ggufName('model.layers.0.self_attn.rotary_emb.inv_freq', traitsOf('llama'))).toBeUndefined();
  });
});

it('values change in query and key projections of llama, and in norms of gemma', () => {
  const [q, k, v] = ['q', 'k', 'v'].map((part) => `model.layers.0.self_attn.${part}_proj.weight`) as [
    string,
    string,
    string,
  ];
  expect([q, k, v].map((name) => tensorChange(name, traitsOf('smollm3')))).toEqual([
    'permute_heads',
    'permute_kv_heads',
    'none',
  ]);
  expect(tensorChange(q, traitsOf('qwen2'))).toBe('none');
  expect(tensorChange('model.layers.0.self_attn.q_norm.weight', traitsOf('gemma3'))).toBe('norm_plus_one');
  expect(tensorChange('model.norm.weight', traitsOf('gemma2'))).toBe('norm_plus_one');
  expect(tensorChange('model.norm.weight', traitsOf('qwen3'))).toBe('none');
});

it('puts the components of each rotary pair next to each other, and back', () => {
  // two heads of four rows: a0 a1 b0 b1 -> a0 b0 a1 b1
  const rows = [0, 1, 2, 3, 10, 11, 12, 13].flatMap((value) => [value, value + 0.5]);
  const values = Float32Array.from(rows);
  const shape = { heads: 2, rows: 8, columns: 1 };
  const bias = Float32Array.of(0, 1, 2, 3, 10, 11, 12, 13);
  expect([...permuteHeads(bias, { ...shape, direction: 'to_gguf' })]).toEqual([0, 2, 1, 3, 10, 12, 11, 13]);
  const matrix = { heads: 2, rows: 4, columns: 2 } as const;
  const there = permuteHeads(values.slice(0, 8), { ...matrix, direction: 'to_gguf' });
  expect(permuteHeads(there, { ...matrix, direction: 'to_hugging_face' })).toEqual(values.slice(0, 8));
  expect(() => permuteHeads(bias, { heads: 8, rows: 8, columns: 1, direction: 'to_gguf' })).toThrow(/even/);
});

it('stores Mistral as llama, and every other class under its own architecture', () => {
  expect(ggufArchitectureOf('MistralForCausalLM')?.name).toBe('llama');
  expect(ggufArchitectureOf('Qwen3ForCausalLM')?.name).toBe('qwen3');
  expect(ggufArchitectureOf('GptOssForCausalLM')).toBeUndefined();
});
