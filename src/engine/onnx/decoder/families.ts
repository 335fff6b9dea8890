/**
 * Descriptions of the model families that the decoder in layers.ts supports: fixed properties of a family, the fields
 * of its `config.json`, and Transformers' defaults for missing fields.
 * @see Transformers 4.57 and 5.24, `configuration_*.py` and `modeling_*.py` of each family
 * @module
 */
import type { Biases, LayerKind } from '../../../support/decoder-shape.ts';
import type { ConfigFields } from './config-fields.ts';

export const ARCHITECTURES = [
  'Qwen3ForCausalLM',
  'Qwen2ForCausalLM',
  'LlamaForCausalLM',
  'MistralForCausalLM',
  'SmolLM3ForCausalLM',
  'Gemma3ForCausalLM',
  'Gemma2ForCausalLM',
] as const;

export type Architecture = (typeof ARCHITECTURES)[number];

export function isArchitecture(name: string): name is Architecture {
  return (ARCHITECTURES as readonly string[]).includes(name);
}

/** Description of a model family. */
export interface Family {
  readonly modelType: string;
  /** Whether an RMS norm is applied to the queries and keys of each head. */
  readonly qkNorm: boolean;
  /**
   * Whether additional norms are applied to the outputs of attention and MLP, before the residual addition.
   */
  readonly sandwichNorms: boolean;
  /** Norms multiply by normOffset + weight. */
  readonly normOffset: 0 | 1;
  readonly activation: 'silu' | 'gelu_pytorch_tanh';
  /** Field of config.json with the activation. */
  readonly activationKey: 'hidden_act' | 'hidden_activation';
  /** Names of the activation in Transformers. Those of GELU differ in rounding only. */
  readonly activationNames: readonly string[];
  /** Whether embeddings are multiplied by sqrt(hiddenSize). */
  readonly scaledEmbeddings: boolean;
  /** Values of fields that are missing in config.json. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Fields of config.json that the family has in addition to those of all families. */
  readonly keys: readonly string[];
  readonly biases: (fields: ConfigFields) => Biases | undefined;
  readonly layerKinds: (fields: ConfigFields, layers: number) => readonly LayerKind[];
}

const FULL: LayerKind = { sliding: false, rope: 'global' };
const SLIDING: LayerKind = { sliding: true, rope: 'global' };

const WINDOW_KEYS = ['use_sliding_window', 'sliding_window', 'max_window_layers', 'layer_types'];

const SHARED = {
  qkNorm: false,
  sandwichNorms: false,
  normOffset: 0,
  activation: 'silu',
  activationKey: 'hidden_act',
  activationNames: ['silu', 'swish'],
  scaledEmbeddings: false,
} as const;

const DEFAULTS = {
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  tie_word_embeddings: false,
  max_position_embeddings: 32768,
};

const QWEN_DEFAULTS = {
  ...DEFAULTS,
  vocab_size: 151936,
  intermediate_size: 22016,
  sliding_window: 4096,
  max_window_layers: 28,
};

/** `attention_bias` adds a bias to all attention projections. */
function attentionBiases(fields: ConfigFields): Biases | undefined {
  return fields.flag('attention_bias') ? { qkv: true, o: true, mlp: false } : undefined;
}

/** `attention_bias` adds a bias to all attention projections, `mlp_bias` to all MLP projections. */
function biasesByFlag(fields: ConfigFields): Biases | undefined {
  const [attention, mlp] = [fields.flag('attention_bias'), fields.flag('mlp_bias')];
  return attention || mlp ? { qkv: attention, o: attention, mlp } : undefined;
}

/**
 * Returns the layer kinds of Qwen models. If sliding windows are enabled, layers from `max_window_layers` on
 * have them.
 */
function qwenLayers(fields: ConfigFields, layers: number): readonly LayerKind[] {
  if (!slides(fields)) return new Array<LayerKind>(layers).fill(FULL);
  const first = fields.value('max_window_layers');
  return (
    listedLayers(fields, layers, SLIDING) ??
    Array.from({ length: layers }, (_, l) => (l >= Number(first) ? SLIDING : FULL))
  );
}

/**
 * Returns whether `use_sliding_window` enables sliding windows. The field `layer_types`, or else the family's
 * pattern, selects the layers.
 */
function slides(fields: ConfigFields): boolean {
  if (fields.flag('use_sliding_window') && fields.value('sliding_window') != null) return true;
  const listed = fields.value('layer_types');
  if (Array.isArray(listed) && listed.includes('sliding_attention'))
    throw fields.problem('layer_types', 'no sliding layers where use_sliding_window is off', listed);
  return false;
}

/** Returns the layer kinds of the field `layer_types`; undefined if it is missing. */
function listedLayers(
  fields: ConfigFields,
  layers: number,
  sliding: LayerKind,
): readonly LayerKind[] | undefined {
  const listed = fields.value('layer_types');
  if (listed == null) return undefined;
  const names: Readonly<Record<string, LayerKind>> = { sliding_attention: sliding, full_attention: FULL };
  if (!Array.isArray(listed) || listed.length !== layers || !listed.every((name) => String(name) in names))
    throw fields.problem('layer_types', `${layers} times "full_attention" or "sliding_attention"`, listed);
  return listed.map((name) => names[String(name)] as LayerKind);
}

/**
 * Returns the layer kinds of Gemma models: every `pattern`-th layer has full attention, the others have
 * sliding windows.
 */
function gemmaLayers(
  fields: ConfigFields,
  {
    layers,
    pattern,
    sliding,
  }: { readonly layers: number; readonly pattern: number; readonly sliding: LayerKind },
): readonly LayerKind[] {
  return (
    listedLayers(fields, layers, sliding) ??
    Array.from({ length: layers }, (_, l) => ((l + 1) % pattern === 0 ? FULL : sliding))
  );
}

function smolLayers(fields: ConfigFields, layers: number): readonly LayerKind[] {
  const interval = fields.int('no_rope_layer_interval', 4);
  const listed = fields.value('no_rope_layers');
  const given = listed ?? Array.from({ length: layers }, (_, l) => ((l + 1) % interval === 0 ? 0 : 1));
  if (
    !Array.isArray(given) ||
    given.length < layers ||
    !given.every((flag) => typeof flag === 'boolean' || flag === 0 || flag === 1)
  )
    throw fields.problem('no_rope_layers', `${layers} times 1 (positions) or 0 (none)`, given);
  const rotated = given.slice(0, layers).map(Number);
  const types = slides(fields)
    ? (listedLayers(fields, layers, SLIDING) ?? rotated.map((flag) => (flag === 0 ? SLIDING : FULL)))
    : new Array<LayerKind>(layers).fill(FULL);
  return types.map(({ sliding }, l) => ({ sliding, rope: rotated[l] === 1 ? 'global' : 'none' }));
}

function gemma(
  modelType: string,
  changes: Pick<Family, 'qkNorm' | 'defaults' | 'keys' | 'layerKinds'>,
): Family {
  return {
    ...SHARED,
    modelType,
    sandwichNorms: true,
    normOffset: 1,
    activation: 'gelu_pytorch_tanh',
    activationKey: 'hidden_activation',
    activationNames: ['gelu_pytorch_tanh', 'gelu_new', 'gelu_fast', 'gelu_accurate', 'gelu_python_tanh'],
    scaledEmbeddings: true,
    biases: attentionBiases,
    ...changes,
    defaults: {
      ...DEFAULTS,
      hidden_size: 2304,
      num_hidden_layers: 26,
      num_attention_heads: 8,
      intermediate_size: 9216,
      num_key_value_heads: 4,
      head_dim: 256,
      tie_word_embeddings: true,
      query_pre_attn_scalar: 256,
      sliding_window: 4096,
      bos_token_id: 2,
      eos_token_id: 1,
      pad_token_id: 0,
      ...changes.defaults,
    },
    keys: [
      'attention_bias',
      'hidden_activation',
      'query_pre_attn_scalar',
      'sliding_window',
      'layer_types',
      'final_logit_softcapping',
      ...changes.keys,
    ],
  };
}

export const FAMILIES: Readonly<Record<Architecture, Family>> = {
  Qwen3ForCausalLM: {
    ...SHARED,
    modelType: 'qwen3',
    qkNorm: true,
    defaults: { ...QWEN_DEFAULTS, head_dim: 128 },
    keys: ['attention_bias', ...WINDOW_KEYS],
    biases: attentionBiases,
    layerKinds: qwenLayers,
  },
  // Qwen2, Qwen2.5, and the DeepSeek-R1 models distilled into them
  Qwen2ForCausalLM: {
    ...SHARED,
    modelType: 'qwen2',
    defaults: QWEN_DEFAULTS,
    keys: WINDOW_KEYS,
    biases: () => ({ qkv: true, o: false, mlp: false }),
    layerKinds: qwenLayers,
  },
  // Llama 3.x, SmolLM2, and the DeepSeek-R1 models distilled into Llama
  LlamaForCausalLM: {
    ...SHARED,
    modelType: 'llama',
    defaults: {
      ...DEFAULTS,
      vocab_size: 32000,
      intermediate_size: 11008,
      max_position_embeddings: 2048,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    keys: ['attention_bias', 'mlp_bias'],
    biases: biasesByFlag,
    layerKinds: (_, layers) => new Array<LayerKind>(layers).fill(FULL),
  },
  MistralForCausalLM: {
    ...SHARED,
    modelType: 'mistral',
    defaults: {
      ...DEFAULTS,
      vocab_size: 32000,
      intermediate_size: 14336,
      num_key_value_heads: 8,
      max_position_embeddings: 131072,
      sliding_window: 4096,
      bos_token_id: 1,
      eos_token_id: 2,
    },
    keys: ['sliding_window'],
    biases: () => undefined,
    layerKinds: (fields, layers) =>
      new Array<LayerKind>(layers).fill(fields.value('sliding_window') == null ? FULL : SLIDING),
  },
  SmolLM3ForCausalLM: {
    ...SHARED,
    modelType: 'smollm3',
    defaults: {
      ...DEFAULTS,
      vocab_size: 128256,
      hidden_size: 2048,
      intermediate_size: 11008,
      num_hidden_layers: 36,
      num_attention_heads: 16,
      num_key_value_heads: 4,
      rope_theta: 2000000,
      tie_word_embeddings: true,
      bos_token_id: 128000,
      eos_token_id: 128001,
      pad_token_id: 128004,
    },
    // published files contain max_window_layers, but Transformers does not read it
    keys: ['attention_bias', 'mlp_bias', 'no_rope_layers', 'no_rope_layer_interval', ...WINDOW_KEYS],
    biases: biasesByFlag,
    layerKinds: smolLayers,
  },
  Gemma3ForCausalLM: gemma('gemma3_text', {
    qkNorm: true,
    defaults: {
      vocab_size: 262208,
      rope_theta: 1000000,
      rope_local_base_freq: 10000,
      max_position_embeddings: 131072,
    },
    keys: ['rope_local_base_freq', 'sliding_window_pattern', '_sliding_window_pattern'],
    layerKinds: (fields, layers) =>
      gemmaLayers(fields, {
        layers,
        pattern: fields.int('sliding_window_pattern', fields.int('_sliding_window_pattern', 6)),
        sliding: { sliding: true, rope: 'local' },
      }),
  }),
  Gemma2ForCausalLM: gemma('gemma2', {
    qkNorm: false,
    defaults: {
      vocab_size: 256000,
      max_position_embeddings: 8192,
      final_logit_softcapping: 30,
      attn_logit_softcapping: 50,
    },
    keys: ['attn_logit_softcapping'],
    layerKinds: (fields, layers) => gemmaLayers(fields, { layers, pattern: 2, sliding: SLIDING }),
  }),
};
