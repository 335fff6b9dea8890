/**
 * What a decoder is, read from a Hugging Face `config.json`. Only what the architecture needs is kept;
 * an architecture that is not here is refused by name.
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';

export interface DecoderConfig {
  readonly architecture: 'Qwen3ForCausalLM';
  readonly vocabSize: number;
  /** D, width of the residual stream. */
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** F, inner width of the gated feed-forward. */
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly tiedEmbeddings: boolean;
  readonly maxPositions: number;
  readonly endTokens: readonly number[];
}

export const ARCHITECTURES = ['Qwen3ForCausalLM'] as const;

/**
 * Reads a parsed `config.json`.
 *
 * @param json - the parsed file
 * @param where - path of the file, for messages
 * @throws ConfigError if the architecture is unknown or a field is missing or out of range
 */
export function parseDecoderConfig(json: unknown, where: string): DecoderConfig {
  if (typeof json !== 'object' || json === null)
    throw new ConfigError(`${where}: expected a JSON object with a model configuration`);
  const fields = json as Readonly<Record<string, unknown>>;
  const listed: unknown = Array.isArray(fields.architectures) ? fields.architectures[0] : undefined;
  const named = String(listed ?? fields.model_type);
  if (named !== 'Qwen3ForCausalLM' && named !== 'qwen3')
    throw new ConfigError(
      `${where}: architecture "${named}" is not supported; supported: ${ARCHITECTURES.join(', ')}`,
      { code: 'TROUPE_ARCHITECTURE' },
    );
  const int = (key: string, fallback?: number): number => {
    const value = fields[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw new ConfigError(`${where} ${key}: expected a positive integer, got ${JSON.stringify(value)}`);
    return value;
  };
  const float = (value: unknown, key: string): number => {
    if (typeof value !== 'number' || !(value > 0))
      throw new ConfigError(`${where} ${key}: expected a number > 0, got ${JSON.stringify(value)}`);
    return value;
  };
  const heads = int('num_attention_heads');
  const kvHeads = int('num_key_value_heads', heads);
  if (heads % kvHeads !== 0)
    throw new ConfigError(`${where} num_key_value_heads: expected a divisor of ${heads}, got ${kvHeads}`);
  const headDim = int('head_dim', 128); // Transformers' own default; not hidden_size / heads
  if (headDim % 2 !== 0) throw new ConfigError(`${where} head_dim: expected an even number, got ${headDim}`);
  refuseUnsupported(fields, where);
  const vocabSize = int('vocab_size');
  return {
    architecture: 'Qwen3ForCausalLM',
    vocabSize,
    hiddenSize: int('hidden_size'),
    layers: int('num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    intermediateSize: int('intermediate_size'),
    normEpsilon: float(fields.rms_norm_eps ?? 1e-6, 'rms_norm_eps'),
    ropeTheta: float(ropeTheta(fields), 'rope_theta'),
    tiedEmbeddings: fields.tie_word_embeddings === true,
    maxPositions: int('max_position_embeddings', 32768),
    endTokens: endTokens(fields.eos_token_id, vocabSize, where),
  };
}

/** Before version 5 Transformers wrote `rope_theta` and `rope_scaling`; since then both are in `rope_parameters`. */
function ropeTheta(fields: Readonly<Record<string, unknown>>): unknown {
  const nested = fields.rope_parameters as Readonly<Record<string, unknown>> | null | undefined;
  return fields.rope_theta ?? nested?.rope_theta ?? 10000;
}

/** Settings that change the numbers and are not implemented must not be ignored in silence. */
function refuseUnsupported(fields: Readonly<Record<string, unknown>>, where: string): void {
  for (const key of ['rope_parameters', 'rope_scaling'])
    if (!isUnscaled(fields[key] ?? {}))
      throw new ConfigError(
        `${where} ${key}: only unscaled rotary positions are supported, got ${JSON.stringify(fields[key])}`,
      );
  if (fields.attention_bias === true)
    throw new ConfigError(
      `${where} attention_bias: expected false, got true; biased projections are not supported`,
    );
  if (fields.use_sliding_window === true)
    throw new ConfigError(
      `${where} use_sliding_window: expected false, got true; sliding windows are not supported`,
    );
  const activation = fields.hidden_act ?? 'silu';
  if (activation !== 'silu')
    throw new ConfigError(`${where} hidden_act: expected "silu", got ${JSON.stringify(activation)}`);
}

function isUnscaled(rope: unknown): boolean {
  if (typeof rope !== 'object' || rope === null) return false;
  const { rope_theta, rope_type, type, ...scaling } = rope as Readonly<Record<string, unknown>>;
  return (rope_type ?? type ?? 'default') === 'default' && Object.keys(scaling).length === 0;
}

function endTokens(value: unknown, vocabSize: number, where: string): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : value == null ? [] : [value];
  const isToken = (id: unknown): id is number =>
    typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < vocabSize;
  if (!list.every(isToken))
    throw new ConfigError(
      `${where} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}`,
    );
  return list;
}

/** The `config.json` of a decoder, as Transformers writes it. */
export function decoderConfigJson(config: DecoderConfig): Record<string, unknown> {
  return {
    architectures: [config.architecture],
    attention_bias: false,
    attention_dropout: 0,
    eos_token_id: config.endTokens.length === 1 ? config.endTokens[0] : config.endTokens,
    head_dim: config.headDim,
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    initializer_range: 0.02,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    model_type: 'qwen3',
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    rms_norm_eps: config.normEpsilon,
    rope_scaling: null,
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    torch_dtype: 'float32',
    use_cache: true,
    use_sliding_window: false,
    vocab_size: config.vocabSize,
  };
}
