/**
 * Model architectures of GGUF files and their counterparts in Transformers: names, traits of their tensors, and the
 * metadata keys that correspond to fields of a `config.json`.
 * @see llama.cpp, gguf-py/gguf/constants.py; src/models/ for the defaults of missing keys
 * @module
 */
import type { TensorTraits } from './tensor-names.ts';

/** A GGUF architecture that this engine can compute. */
export interface GgufArchitecture extends TensorTraits {
  /** Value of `general.architecture`, and the prefix of the keys. */
  readonly name: string;
  /** Class in Transformers, the first of `architectures` in a `config.json`. */
  readonly transformers: string;
  /** `model_type` of its `config.json`. */
  readonly modelType: string;
  /** Other classes in Transformers that llama.cpp stores under this architecture. */
  readonly alsoFrom?: readonly string[];
  /** Fields of `config.json` that llama.cpp assumes for keys that are missing in a file. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** Sliding windows by architecture, which files need not state: every n-th layer has full attention. */
export const SLIDING_PATTERNS: Readonly<Record<string, number>> = { gemma2: 2, gemma3: 6 };
/** Numbers of layers of the Gemma models in which llama.cpp divides attention scores by sqrt(hidden size / heads). */
export const WIDE_GEMMA: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 };

const PLAIN: TensorTraits = { permutesHeads: false, addsOneToNorms: false, sandwichNorms: false };
const LLAMA: TensorTraits = { ...PLAIN, permutesHeads: true };
const GEMMA: TensorTraits = { ...PLAIN, addsOneToNorms: true, sandwichNorms: true };

const DEFAULTS = { rope_theta: 10000 };

export const GGUF_ARCHITECTURES: readonly GgufArchitecture[] = [
  // Mistral models before Ministral 3 are stored as `llama`, without their sliding window, which llama.cpp ignores
  {
    name: 'llama',
    transformers: 'LlamaForCausalLM',
    modelType: 'llama',
    alsoFrom: ['MistralForCausalLM'],
    defaults: DEFAULTS,
    ...LLAMA,
  },
  {
    name: 'mistral3',
    transformers: 'MistralForCausalLM',
    modelType: 'mistral',
    defaults: { ...DEFAULTS, sliding_window: null },
    ...LLAMA,
  },
  { name: 'qwen2', transformers: 'Qwen2ForCausalLM', modelType: 'qwen2', defaults: DEFAULTS, ...PLAIN },
  { name: 'qwen3', transformers: 'Qwen3ForCausalLM', modelType: 'qwen3', defaults: DEFAULTS, ...PLAIN },
  {
    name: 'gemma2',
    transformers: 'Gemma2ForCausalLM',
    modelType: 'gemma2',
    defaults: {
      ...DEFAULTS,
      sliding_window: 4096,
      attn_logit_softcapping: 50,
      final_logit_softcapping: 30,
    },
    ...GEMMA,
  },
  {
    name: 'gemma3',
    transformers: 'Gemma3ForCausalLM',
    modelType: 'gemma3_text',
    defaults: { ...DEFAULTS, rope_local_base_freq: 10000, final_logit_softcapping: null },
    ...GEMMA,
  },
  { name: 'smollm3', transformers: 'SmolLM3ForCausalLM', modelType: 'smollm3', defaults: DEFAULTS, ...LLAMA },
];

/** A metadata key and the field of `config.json` with the same meaning. */
export interface KeyPair {
  /** Key without the architecture's prefix. */
  readonly key: string;
  /** Field of `config.json`. */
  readonly field: string;
  /** Type of the value in GGUF files. */
  readonly type: 'uint32' | 'float32';
}

/**
 * Keys whose values are equal to a field of `config.json`. Rope scaling, layer patterns and biases are not in
 * this list, because they do not correspond one to one.
 */
export const KEY_PAIRS: readonly KeyPair[] = [
  { key: 'vocab_size', field: 'vocab_size', type: 'uint32' },
  { key: 'context_length', field: 'max_position_embeddings', type: 'uint32' },
  { key: 'embedding_length', field: 'hidden_size', type: 'uint32' },
  { key: 'block_count', field: 'num_hidden_layers', type: 'uint32' },
  { key: 'feed_forward_length', field: 'intermediate_size', type: 'uint32' },
  { key: 'attention.head_count', field: 'num_attention_heads', type: 'uint32' },
  { key: 'attention.head_count_kv', field: 'num_key_value_heads', type: 'uint32' },
  { key: 'attention.key_length', field: 'head_dim', type: 'uint32' },
  { key: 'attention.value_length', field: 'head_dim', type: 'uint32' },
  { key: 'rope.dimension_count', field: 'head_dim', type: 'uint32' },
  { key: 'attention.layer_norm_rms_epsilon', field: 'rms_norm_eps', type: 'float32' },
  { key: 'rope.freq_base', field: 'rope_theta', type: 'float32' },
  { key: 'rope.freq_base_swa', field: 'rope_local_base_freq', type: 'float32' },
  { key: 'attention.sliding_window', field: 'sliding_window', type: 'uint32' },
  { key: 'attn_logit_softcapping', field: 'attn_logit_softcapping', type: 'float32' },
  { key: 'final_logit_softcapping', field: 'final_logit_softcapping', type: 'float32' },
];

/** Returns the architecture of a GGUF file; undefined if this engine cannot compute it. */
export function ggufArchitecture(name: string): GgufArchitecture | undefined {
  return GGUF_ARCHITECTURES.find((architecture) => architecture.name === name);
}

/** Returns the GGUF architecture for a class in Transformers; undefined if there is none. */
export function ggufArchitectureOf(transformers: string): GgufArchitecture | undefined {
  return (
    GGUF_ARCHITECTURES.find(({ alsoFrom }) => alsoFrom?.includes(transformers)) ??
    GGUF_ARCHITECTURES.find((architecture) => architecture.transformers === transformers)
  );
}
