/**
 * Typed access to the fields of a `config.json`, with the defaults of Transformers. Unknown fields are rejected,
 * because they could change what the model computes.
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { nearestName } from '../../../support/nearest.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Fields that the parser reads for every model family. */
const COMMON_KEYS = [
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
  'tie_word_embeddings',
  'max_position_embeddings',
  'eos_token_id',
  'bos_token_id',
  'pad_token_id',
  'hidden_act',
];

/** Fields about storage, training or serving of a model, which do not affect what it computes. */
const IGNORED_KEYS: ReadonlySet<string> = new Set([
  '_name_or_path',
  'name_or_path',
  'transformers_version',
  'torch_dtype',
  'dtype',
  'use_cache',
  'cache_implementation',
  'initializer_range',
  'attn_implementation',
  '_attn_implementation',
  '_attn_implementation_autoset',
  'attention_implementation',
  'id2label',
  'label2id',
  'tokenizer_class',
  'finetuning_task',
  'task_specific_params',
  'transformers.js_config',
  'is_llama_config',
  'unsloth_fixed',
  'unsloth_version',
  // generation defaults, which older versions of Transformers wrote into every config.json
  'chunk_size_feed_forward',
  'return_dict',
  'do_sample',
  'temperature',
  'top_k',
  'top_p',
  'typical_p',
  'max_length',
  'min_length',
  'num_beams',
  'num_beam_groups',
  'num_return_sequences',
  'repetition_penalty',
  'length_penalty',
  'diversity_penalty',
  'no_repeat_ngram_size',
  'encoder_no_repeat_ngram_size',
]);

/** Fields for which only the given value is supported. */
const FIXED_VALUES: Readonly<Record<string, unknown>> = {
  attention_dropout: 0,
  hidden_dropout: 0,
  residual_dropout: 0,
  embd_pdrop: 0,
  pretraining_tp: 1,
  partial_rotary_factor: 1,
};

/** The fields of one `config.json`. */
export class ConfigFields {
  readonly where: string;
  readonly #raw: Fields;
  readonly #defaults: Fields;

  /**
   * @param raw - the parsed file
   * @param defaults - values of missing fields
   * @param where - path of the file, for error messages
   */
  constructor(raw: Fields, defaults: Fields, where: string) {
    this.#raw = raw;
    this.#defaults = defaults;
    this.where = where;
  }

  /** Returns a field, or its default if it is missing; null if the file has null. */
  value(key: string): unknown {
    const given = this.#raw[key];
    return given === undefined ? this.#defaults[key] : given;
  }

  /**
   * Returns a field that must be a positive integer; null counts as missing. @throws ConfigError for other
   * values
   */
  int(key: string, fallback?: number): number {
    const value = this.#raw[key] ?? this.#defaults[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw this.problem(key, 'a positive integer', value);
    return value;
  }

  /**
   * Returns a field that must be a number > 0; null counts as missing. @throws ConfigError for other values
   */
  positive(key: string): number {
    return this.asPositive(key, this.#raw[key] ?? this.#defaults[key]);
  }

  /**
   * Returns a field that must be a number > 0, or undefined if it is null or missing. @throws ConfigError for
   * other values
   */
  positiveOrNull(key: string): number | undefined {
    const value = this.value(key);
    return value == null ? undefined : this.asPositive(key, value);
  }

  asPositive(key: string, value: unknown): number {
    if (typeof value !== 'number' || !(value > 0)) throw this.problem(key, 'a number > 0', value);
    return value;
  }

  /**
   * Returns a field that must be a boolean; false if it is null or missing. @throws ConfigError for other
   * values
   */
  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value !== 'boolean') throw this.problem(key, 'true or false', value);
    return value;
  }

  /** Returns a token id that does not affect the computation; undefined for other values, such as -1. */
  tokenOrNull(key: string): number | undefined {
    const value = this.value(key);
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
  }

  problem(key: string, expected: string, value: unknown): ConfigError {
    return new ConfigError(`${this.where} ${key}: expected ${expected}, got ${JSON.stringify(value)}`);
  }

  /**
   * Rejects every field that is neither read nor known to have no effect. Fields that are null or false are
   * ignored.
   *
   * @param keys - fields that the family has in addition to the common ones
   * @throws ConfigError naming the field
   */
  refuseUnknown(keys: readonly string[]): void {
    const known = [...COMMON_KEYS, ...keys];
    for (const [key, value] of Object.entries(this.#raw)) {
      if (value == null || value === false || known.includes(key) || IGNORED_KEYS.has(key)) continue;
      if (key in FIXED_VALUES) {
        if (value !== FIXED_VALUES[key])
          throw this.problem(key, `${FIXED_VALUES[key]}, other values are not supported`, value);
        continue;
      }
      const close = nearestName(key, known);
      throw new ConfigError(
        `${this.where} ${key}: this setting is not honoured, and it could change what the model computes ` +
          `(${JSON.stringify(value)?.slice(0, 60)}); ${close ? `did you mean "${close}"? ` : ''}remove it only if it does not matter`,
      );
    }
  }
}
