import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../support/errors.ts';
import { readConfig, WHERE } from '../testing/read-config.ts';
import { tinyConfig } from '../testing/tiny-model.ts';
import { readTransformersFixture, transformersFixtures } from '../testing/transformers-fixtures.ts';
import { parseDecoderConfig } from './config.ts';
import { decoderConfigJson } from './config-json.ts';

/** The config.json of a published small model. */
const PUBLISHED = {
  architectures: ['Qwen3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  head_dim: 128,
  hidden_act: 'silu',
  hidden_size: 1024,
  initializer_range: 0.02,
  intermediate_size: 3072,
  max_position_embeddings: 40960,
  max_window_layers: 28,
  model_type: 'qwen3',
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: null,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  use_cache: true,
  use_sliding_window: false,
  vocab_size: 151936,
};

const parsed = (changes: Readonly<Record<string, unknown>> = {}) =>
  parseDecoderConfig({ ...PUBLISHED, ...changes }, WHERE);

describe('reading config.json', () => {
  it('parses a published file', () => {
    expect(parsed()).toEqual({
      architecture: 'Qwen3ForCausalLM',
      vocabSize: 151936,
      hiddenSize: 1024,
      layers: 28,
      heads: 16,
      kvHeads: 8,
      headDim: 128,
      intermediateSize: 3072,
      normEpsilon: 1e-6,
      ropeTheta: 1000000,
      tiedEmbeddings: true,
      maxPositions: 40960,
      endTokens: [151645],
      beginToken: 151643,
    });
  });

  it('uses the defaults of Transformers for missing fields', () => {
    const missing = Object.fromEntries(
      [
        'head_dim',
        'num_key_value_heads',
        'rms_norm_eps',
        'rope_theta',
        'tie_word_embeddings',
        'max_position_embeddings',
        'eos_token_id',
        'hidden_act',
      ].map((key) => [key, undefined]),
    );
    expect(parsed(missing)).toMatchObject({
      headDim: 128,
      kvHeads: 16,
      normEpsilon: 1e-6,
      ropeTheta: 10000,
      tiedEmbeddings: false,
      maxPositions: 32768,
      endTokens: [],
    });
  });

  it('determines the architecture by the model type if no class is named', () => {
    expect(parsed({ architectures: undefined }).architecture).toBe('Qwen3ForCausalLM');
    expect(parsed({ architectures: [] }).architecture).toBe('Qwen3ForCausalLM');
    expect(parsed({ architectures: null }).architecture).toBe('Qwen3ForCausalLM');
  });

  it('reads the rotary settings of older and newer files', () => {
    const newer = { rope_theta: undefined, rope_scaling: undefined };
    expect(parsed({ ...newer, rope_parameters: { rope_theta: 5e5, rope_type: 'default' } }).ropeTheta).toBe(
      5e5,
    );
    expect(parsed({ ...newer, rope_parameters: { rope_theta: 5e5 } }).ropeTheta).toBe(5e5);
    expect(parsed({ rope_scaling: { type: 'default' } }).ropeTheta).toBe(1e6);
  });

  it('refuses a damaged number of layers', () => {
    expect(() => parsed({ num_hidden_layers: 2 ** 31 })).toThrow(
      /num_hidden_layers: expected at most 10000, got 2147483648/,
    );
  });

  it('accepts one end token or several', () => {
    expect(parsed({ eos_token_id: [151645, 151643] }).endTokens).toEqual([151645, 151643]);
    expect(parsed({ eos_token_id: 0 }).endTokens).toEqual([0]);
    expect(parsed({ eos_token_id: null }).endTokens).toEqual([]);
    expect(parsed({ eos_token_id: -1 }).endTokens).toEqual([]);
  });

  it('warns about an end token outside the vocabulary, which Transformers ignores', () => {
    const { config, warnings } = readConfig({ ...PUBLISHED, eos_token_id: [151936, 151645] });
    expect(config.endTokens).toEqual([151645]);
    expect(warnings).toEqual([
      'm/config.json eos_token_id: expected token ids from 0 to 151935, got [151936,151645]; 151936 ends no message',
    ]);
  });

  it('reads values that mean the same', () => {
    expect(parsed({ hidden_act: 'swish' })).toEqual(parsed());
    expect(parsed({ num_key_value_heads: null }).kvHeads).toBe(16);
    expect(
      parsed({ attention_bias: null, torch_dtype: null, architectures: ['Qwen3ForCausalLM', 'X'] }),
    ).toEqual(parsed());
    for (const empty of [
      { rope_type: 'default' },
      { rope_type: 'default', type: 'default', original_max_position_embeddings: null },
      { rope_type: 'default', mrope_section: null, partial_rotary_factor: 1 },
      {},
    ])
      expect(parsed({ rope_scaling: empty })).toEqual(parsed());
    const { rope_theta, rope_scaling: _, ...rest } = PUBLISHED;
    expect(readConfig({ ...rest, rope_parameters: { rope_type: 'default', rope_theta } }).config).toEqual(
      parsed(),
    );
  });

  it('reads the settings of YaRN without those that are null, with the defaults of Transformers', () => {
    const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32768 };
    const config = parsed({ rope_scaling: yarn });
    expect(config.ropeScaling).toMatchObject({ kind: 'yarn', betaFast: 32, betaSlow: 1, truncate: true });
    const nulls = { attention_factor: null, mscale: null, mscale_all_dim: 0, beta_fast: null };
    expect(parsed({ rope_scaling: { ...yarn, ...nulls } })).toEqual(config);
  });

  it('computes dynamic scaling as no scaling, because it starts beyond the longest context', () => {
    const { ropeScaling, ...config } = parsed({ rope_scaling: { type: 'dynamic', factor: 2 } });
    expect(config).toEqual(parsed());
    expect(ropeScaling).toEqual({ kind: 'dynamic', factor: 2 });
  });
});

describe('unsupported settings are rejected by name', () => {
  it.each([
    [
      { architectures: ['OPTForCausalLM'] },
      'architecture "OPTForCausalLM" is not supported; supported: Qwen3ForCausalLM, Qwen2ForCausalLM, LlamaForCausalLM, ' +
        'MistralForCausalLM, SmolLM3ForCausalLM, Gemma3ForCausalLM, Gemma2ForCausalLM',
    ],
    [{ architectures: undefined, model_type: 'gemma3' }, 'architecture "gemma3" is not supported'],
    [{ architectures: undefined, model_type: undefined }, 'architecture "undefined" is not supported'],
  ])('the architecture %j', (changes, line) => {
    expect(() => parsed(changes)).toThrow(`${WHERE}: ${line}`);
    expect(() => parsed(changes)).toThrow(
      expect.objectContaining({ code: 'TROUPE_ARCHITECTURE', exitCode: 2 }),
    );
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ vocab_size: '1000' }, 'vocab_size: expected a positive integer, got "1000"'],
    [{ hidden_size: '64' }, 'hidden_size: expected a positive integer, got "64"'],
    [{ num_hidden_layers: 0 }, 'num_hidden_layers: expected a positive integer, got 0'],
    [{ intermediate_size: 1.5 }, 'intermediate_size: expected a positive integer, got 1.5'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads: expected a divisor of 16, got 3'],
    [{ head_dim: 7 }, 'head_dim: expected an even number, got 7'],
    [{ rms_norm_eps: 0 }, 'rms_norm_eps: expected a number > 0, got 0'],
    [{ rope_theta: '10000' }, 'rope_theta: expected a number > 0, got "10000"'],
    [{ attention_bias: 'yes' }, 'attention_bias: expected true or false, got "yes"'],
    [
      { layer_types: ['sliding_attention'] },
      'layer_types: expected no sliding layers where use_sliding_window is off, got ["sliding_attention"]',
    ],
    [
      { use_sliding_window: true, sliding_window: 8, layer_types: ['full_attention'] },
      'layer_types: expected 28 times "full_attention" or "sliding_attention", got ["full_attention"]',
    ],
    [{ hidden_act: 'gelu' }, 'hidden_act: expected "silu", got "gelu"; other activations are not supported'],
    [
      { rope_scaling: { rope_type: 'longrope', factor: 4 } },
      'rope_scaling: expected rope_type default, linear, dynamic, llama3 or yarn, got {"rope_type":"longrope","factor":4}',
    ],
    [
      { rope_scaling: { factor: 2 } },
      'rope_scaling: expected rope_type default, linear, dynamic, llama3 or yarn',
    ],
    [
      { rope_scaling: { rope_type: 'linear', type: 'default', factor: 2 } },
      'rope_scaling: expected one type of scaling in rope_type and type, got {"rope_type":"linear","type":"default"}',
    ],
    [
      { rope_scaling: { rope_type: 'default', partial_rotary_factor: 0.5 } },
      'rope_scaling.partial_rotary_factor: expected 1, rotation of whole heads, got 0.5',
    ],
    [
      { rope_parameters: { rope_theta: 1e6, rope_type: 'llama3', factor: 2 } },
      'rope_parameters.low_freq_factor: expected a number > 0, got undefined',
    ],
    [{ rope_parameters: 'default' }, 'rope_parameters: expected an object, got "default"'],
    [{ eos_token_id: ['</s>'] }, 'eos_token_id: expected token ids, got ["</s>"]'],
  ])('the setting %j', (changes, line) => {
    expect(() => parsed(changes)).toThrow(ConfigError);
    expect(() => parsed(changes)).toThrow(`${WHERE} ${line}`);
  });

  it.each([null, 3, 'x'])('a file that holds %j', (json) => {
    expect(() => parseDecoderConfig(json, WHERE)).toThrow(`${WHERE}: expected a JSON object`);
  });
});

describe('families', () => {
  const plain = {
    vocab_size: 64,
    hidden_size: 32,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 8,
  };
  const read = (model_type: string, changes: Readonly<Record<string, unknown>> = {}) =>
    parseDecoderConfig({ ...plain, model_type, eos_token_id: 0, ...changes }, WHERE);

  it('have the defaults of Transformers', () => {
    expect(read('llama')).toMatchObject({ headDim: 8, maxPositions: 2048, tiedEmbeddings: false });
    expect(read('qwen2')).toMatchObject({ headDim: 8, biases: { qkv: true, o: false, mlp: false } });
    expect(read('mistral').slidingWindow).toBe(4096);
    expect(read('mistral', { sliding_window: null }).slidingWindow).toBeUndefined();
    expect(read('smollm3')).toMatchObject({ ropeTheta: 2e6, tiedEmbeddings: true });
    expect(read('gemma3_text')).toMatchObject({ headDim: 256, ropeTheta: 1e6, localRopeTheta: 1e4 });
    expect(read('gemma2')).toMatchObject({ attentionSoftcap: 50, logitSoftcap: 30, queryScalar: 256 });
    expect(read('gemma2', { attn_logit_softcapping: null }).attentionSoftcap).toBeUndefined();
  });

  it('determine the kind of each layer', () => {
    const kinds = (config: ReturnType<typeof read>) =>
      config.layerKinds?.map(({ sliding, rope }) => `${sliding ? 'window' : 'full'} ${rope}`);
    expect(kinds(read('llama'))).toBeUndefined();
    expect(kinds(read('smollm3', { no_rope_layer_interval: 2 }))).toEqual(
      ['global', 'none', 'global', 'none'].map((positions) => `full ${positions}`),
    );
    expect(kinds(read('gemma3_text', { sliding_window_pattern: 3 }))).toEqual([
      'window local',
      'window local',
      'full global',
      'window local',
    ]);
    expect(kinds(read('gemma2'))).toEqual([0, 1, 0, 1].map((l) => (l ? 'full global' : 'window global')));
    expect(
      kinds(read('qwen2', { use_sliding_window: true, sliding_window: 9, max_window_layers: 3 })),
    ).toEqual(['full global', 'full global', 'full global', 'window global']);
  });

  it('read RoPE settings of Transformers 4 and 5', () => {
    const scaled = { rope_type: 'linear', factor: 8 };
    const older = read('gemma3_text', { rope_theta: 5e5, rope_scaling: scaled, rope_local_base_freq: 2e4 });
    const newer = read('gemma3_text', {
      rope_parameters: {
        full_attention: { ...scaled, rope_theta: 5e5 },
        sliding_attention: { rope_type: 'default', rope_theta: 2e4 },
      },
    });
    expect(newer).toEqual(older);
    expect(older).toMatchObject({ ropeScaling: { kind: 'linear', factor: 8 }, localRopeTheta: 2e4 });
  });

  it('reject settings that do not exist for them in Transformers', () => {
    expect(() => read('gemma3_text', { attn_logit_softcapping: 50 })).toThrow('attn_logit_softcapping');
    expect(() => read('smollm3', { no_rope_layers: [1, 0] })).toThrow('no_rope_layers: expected 4 times');
    expect(() => read('gemma3_text', { sliding_window: null })).toThrow(
      'sliding_window: expected a positive integer for the sliding layers, got null',
    );
  });
});

describe('writing config.json', () => {
  it.each([
    tinyConfig(),
    tinyConfig({ tiedEmbeddings: false, endTokens: [0, 3], ropeTheta: 1e6, normEpsilon: 1e-5 }),
    parsed(),
    parsed({ use_sliding_window: true, sliding_window: 9, max_window_layers: 20, attention_bias: true }),
    ...transformersFixtures().map((name) => readTransformersFixture(name).config),
  ])('round-trips', (config) => {
    const text = JSON.stringify(decoderConfigJson(config));
    expect(parseDecoderConfig(JSON.parse(text), WHERE)).toEqual(config);
  });
});
