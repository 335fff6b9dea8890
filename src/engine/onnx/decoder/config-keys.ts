/**
 * Rules for the keys of a `config.json` that the parser does not read. A key that stands for another computation is
 * refused, with the reason. A key without effect is ignored. All other keys are ignored too, as Transformers does, and
 * one warning names them.
 * @see Transformers 4.30 to 5.24: `configuration_utils.py`, and `configuration_*.py` and `modeling_*.py` of the families
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { nearestName } from '../../../support/nearest.ts';
import type { Fields } from './config-fields.ts';
import type { Architecture } from './families.ts';
import { IGNORED_KEYS } from './ignored-keys.ts';

/** Keys that the parser reads for every model family. */
export const COMMON_KEYS = [
  'architectures',
  'model_type',
  'vocab_size',
  'hidden_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'head_dim',
  'intermediate_size',
  'rms_norm_eps',
  'rope_theta',
  'rope_scaling',
  'rope_parameters',
  'original_max_position_embeddings',
  'tie_word_embeddings',
  'max_position_embeddings',
  'eos_token_id',
  'bos_token_id',
  'pad_token_id',
  'hidden_act',
] as const;

/** Rule for a group of keys that change what a model computes. */
interface Refusal {
  /** Reason, for the error message. */
  readonly reason: string;
  /** Values without effect, besides null. The first is named in the error message; none: every value is refused. */
  readonly neutral: readonly unknown[];
  readonly keys: readonly string[];
  /** The families whose class reads the keys; absent: all families are refused. */
  readonly families?: readonly Architecture[];
}

const REFUSALS: readonly Refusal[] = [
  {
    reason: 'the weights are quantized; take the model that is not quantized, or a GGUF file of it',
    neutral: [],
    keys: ['quantization_config', 'compression_config', 'quantization'],
  },
  {
    reason: 'the engine has no dropout',
    neutral: [0],
    keys: [
      'attention_dropout',
      'attn_dropout',
      'attn_pdrop',
      'attention_probs_dropout_prob',
      'hidden_dropout',
      'hidden_dropout_prob',
      'residual_dropout',
      'resid_dropout',
      'resid_pdrop',
      'embd_pdrop',
      'embd_dropout',
      'embedding_dropout',
      'ffn_dropout',
      'mlp_dropout',
      'dropout',
      'layerdrop',
    ],
  },
  {
    reason: 'projections in slices are rounded differently; write 1 if the weights are a plain checkpoint',
    neutral: [1],
    keys: ['pretraining_tp'],
    // SmolLM3-3B has the key with value 2, and its class does not read it
    families: ['LlamaForCausalLM'],
  },
  {
    reason: 'rotary positions cover the whole head in this family',
    neutral: [1],
    keys: ['partial_rotary_factor', 'rotary_pct', 'rope_pct', 'rope_ratio'],
  },
  {
    reason: 'this family has other rotary positions',
    neutral: [],
    keys: ['alibi', 'rope_interleaved', 'rope_interleave', 'no_rope_layers'],
  },
  {
    reason: 'this family has no norms of queries and keys',
    neutral: [],
    keys: ['qk_norm', 'use_qk_norm', 'qk_layernorm'],
  },
  {
    reason: 'attention is causal in this family',
    neutral: [],
    keys: ['use_bidirectional_attention', 'is_encoder_decoder', 'add_cross_attention'],
  },
  { reason: 'attention is causal in this family', neutral: [true], keys: ['is_causal'] },
  {
    reason: 'this family has another attention',
    neutral: [],
    keys: [
      'attention_chunk_size',
      'attn_logit_softcapping',
      'attn_output_gate',
      'clip_qkv',
      'kv_lora_rank',
      'q_lora_rank',
      'num_kv_shared_layers',
    ],
  },
  {
    reason: 'attention and MLP run one after the other in this family',
    neutral: [],
    keys: ['parallel_attn', 'parallel_residual', 'use_parallel_residual'],
  },
  {
    reason: 'this family has no mixture of experts',
    neutral: [0, 1],
    keys: ['num_experts', 'num_local_experts', 'n_routed_experts', 'moe_num_experts'],
  },
  {
    reason: 'this family does not scale activations or logits',
    neutral: [1],
    keys: [
      'attention_multiplier',
      'embedding_multiplier',
      'lm_head_multiplier',
      'logit_scale',
      'logits_scaling',
      'residual_multiplier',
      'scale_depth',
      'scale_emb',
    ],
  },
  { reason: 'this family does not cap logits', neutral: [], keys: ['final_logit_softcapping'] },
  { reason: 'the weights lack parts of the model', neutral: [], keys: ['pruned_heads'] },
  { reason: 'the layers differ in shape', neutral: [], keys: ['per_layer_config', 'block_configs'] },
];

const REFUSED = new Map(REFUSALS.flatMap((refusal) => refusal.keys.map((key) => [key, refusal] as const)));

/** The rules for one file. */
export interface KeyRules {
  /** Path of the file, for messages. */
  readonly where: string;
  /** Name of the class in Transformers. */
  readonly architecture: Architecture;
  /** Keys that the family reads besides {@link COMMON_KEYS}. */
  readonly read: readonly string[];
  /** Keys that some family reads; a family that does not read one ignores it, as in Transformers. */
  readonly readElsewhere: readonly string[];
  /** Keys of the refused ones that have no effect in this family, because the feature is always on. */
  readonly implied: readonly string[];
  /** Further names for the warning, from inside of a value. */
  readonly alsoUnknown: readonly string[];
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Checks the keys that the parser does not read.
 *
 * @throws ConfigError naming a key that stands for another computation
 */
export function checkKeys(raw: Fields, rules: KeyRules): void {
  const { where, architecture, onWarning } = rules;
  const read: readonly string[] = [...COMMON_KEYS, ...rules.read];
  const silent = new Set([...rules.readElsewhere, ...rules.implied, ...IGNORED_KEYS]);
  const unknown: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (read.includes(key) || rules.implied.includes(key)) continue;
    const refusal = REFUSED.get(key);
    if (refusal) {
      if (refusal.families?.includes(architecture) ?? true) refuse(key, value, { refusal, where });
    } else if (!isEmpty(value) && !silent.has(key)) unknown.push(key);
  }
  unknown.push(...rules.alsoUnknown);
  if (hasCode(raw.auto_map))
    onWarning?.(
      `${where}: "auto_map" names code that is never run; the model is computed as Transformers computes ${architecture}`,
    );
  if (unknown.length > 0) onWarning?.(`${where}: ${unknownLine(unknown, read)}`);
}

function refuse(
  key: string,
  value: unknown,
  { refusal, where }: { readonly refusal: Refusal; readonly where: string },
): void {
  const { neutral, reason } = refusal;
  const isOff = neutral.includes(true) ? value == null : isEmpty(value);
  if (isOff || neutral.includes(value)) return;
  const expected = neutral.length === 0 ? 'no such setting' : JSON.stringify(neutral[0]);
  throw new ConfigError(
    `${where} ${key}: expected ${expected}, got ${JSON.stringify(value)?.slice(0, 60)}; ${reason}`,
  );
}

/** Whether a value switches nothing on. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value == null || value === false;
}

/** Whether `auto_map` names a class of the model itself, not only of its configuration or tokenizer. */
function hasCode(autoMap: unknown): boolean {
  return typeof autoMap === 'object' && autoMap !== null && 'AutoModelForCausalLM' in autoMap;
}

function unknownLine(unknown: readonly string[], read: readonly string[]): string {
  const named = unknown.map((key) => {
    const close = nearestName(key, read);
    return `"${key}"${close === undefined ? '' : ` (did you mean "${close}"?)`}`;
  });
  return named.length === 1
    ? `the key ${named[0]} is not known and is ignored`
    : `the keys ${named.join(', ')} are not known and are ignored`;
}
