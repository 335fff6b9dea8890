/**
 * Configuration of a decoder, parsed from a Hugging Face `config.json`. Unsupported architectures and
 * settings are rejected with an error that names them, unless they have no effect on the computation.
 * @see families.ts for the differences between model families
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { ConfigFields } from './config-fields.ts';
import {
  ARCHITECTURES,
  type Architecture,
  type Biases,
  FAMILIES,
  type Family,
  isArchitecture,
  type LayerKind,
} from './families.ts';
import { type RopeScaling, readRope } from './rope-config.ts';

export type { Architecture, Biases, LayerKind } from './families.ts';
export { ARCHITECTURES } from './families.ts';

/** Shape and settings of a decoder. */
export interface DecoderConfig {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  /** D, width of the residual stream. */
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** F, inner width of the MLP. */
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly tiedEmbeddings: boolean;
  readonly maxPositions: number;
  readonly endTokens: readonly number[];
  /**
   * Kind of attention and RoPE of each layer [layers]. Absent: full attention with global RoPE in all layers.
   */
  readonly layerKinds?: readonly LayerKind[];
  /** Size of the sliding window, tokens, including the token's own position. */
  readonly slidingWindow?: number;
  /** Scaling of the global RoPE frequencies. */
  readonly ropeScaling?: RopeScaling;
  /** RoPE base (theta) of sliding-window layers, if it differs from that of the other layers. */
  readonly localRopeTheta?: number;
  /** Projections with a bias. */
  readonly biases?: Biases;
  /** Attention scores are divided by sqrt(queryScalar). Default: headDim. */
  readonly queryScalar?: number;
  /** Constants c of soft-capping, c tanh(x / c), for attention scores and for logits. */
  readonly attentionSoftcap?: number;
  readonly logitSoftcap?: number;
  /**
   * Ids of the begin token and the padding token. This engine does not use them, but writes them to saved
   * folders.
   */
  readonly beginToken?: number;
  readonly padToken?: number;
}

/** Returns the description of a decoder's model family. */
export function familyOf(config: Pick<DecoderConfig, 'architecture'>): Family {
  return FAMILIES[config.architecture];
}

/** Returns the kind of attention and RoPE of layer `l`. */
export function layerKind(config: Pick<DecoderConfig, 'layerKinds'>, l: number): LayerKind {
  return config.layerKinds?.[l] ?? { sliding: false, rope: 'global' };
}

/**
 * Validates a parsed `config.json`.
 *
 * @param json - the parsed file
 * @param where - path of the file, for error messages
 * @throws ConfigError if the architecture or a setting is not supported, or a field is missing or out of range
 */
export function parseDecoderConfig(json: unknown, where: string): DecoderConfig {
  if (typeof json !== 'object' || json === null)
    throw new ConfigError(`${where}: expected a JSON object with a model configuration`);
  const raw = json as Readonly<Record<string, unknown>>;
  const architecture = readArchitecture(raw, where);
  const family = FAMILIES[architecture];
  const fields = new ConfigFields(raw, family.defaults, where);
  fields.refuseUnknown(family.keys);
  const heads = fields.int('num_attention_heads');
  const kvHeads = fields.int('num_key_value_heads', heads);
  if (heads % kvHeads !== 0)
    throw new ConfigError(`${where} num_key_value_heads: expected a divisor of ${heads}, got ${kvHeads}`);
  const hiddenSize = fields.int('hidden_size');
  const layers = fields.int('num_hidden_layers');
  const vocabSize = fields.int('vocab_size');
  const maxPositions = fields.int('max_position_embeddings');
  checkActivation(fields, family);
  const layerKinds = family.layerKinds(fields, layers);
  return {
    architecture,
    vocabSize,
    hiddenSize,
    layers,
    heads,
    kvHeads,
    headDim: readHeadDim(fields, hiddenSize, heads),
    intermediateSize: fields.int('intermediate_size'),
    normEpsilon: fields.positive('rms_norm_eps'),
    ...readRope(fields, maxPositions),
    tiedEmbeddings: fields.value('tie_word_embeddings') === true,
    maxPositions,
    endTokens: endTokens(fields.value('eos_token_id'), vocabSize, where),
    ...(layerKinds.some(({ sliding, rope }) => sliding || rope !== 'global') ? { layerKinds } : {}),
    ...(layerKinds.some(({ sliding }) => sliding) ? { slidingWindow: fields.int('sliding_window') } : {}),
    ...optional('biases', family.biases(fields)),
    ...optional('queryScalar', fields.positiveOrNull('query_pre_attn_scalar')),
    ...optional('attentionSoftcap', fields.positiveOrNull('attn_logit_softcapping')),
    ...optional('logitSoftcap', fields.positiveOrNull('final_logit_softcapping')),
    ...optional('beginToken', fields.tokenOrNull('bos_token_id')),
    ...optional('padToken', fields.tokenOrNull('pad_token_id')),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}

function readArchitecture(raw: Readonly<Record<string, unknown>>, where: string): Architecture {
  const listed: unknown = Array.isArray(raw.architectures) ? raw.architectures[0] : undefined;
  const named = String(listed ?? raw.model_type);
  const found = isArchitecture(named)
    ? named
    : ARCHITECTURES.find((architecture) => FAMILIES[architecture].modelType === named);
  if (!found)
    throw new ConfigError(
      `${where}: architecture "${named}" is not supported; supported: ${ARCHITECTURES.join(', ')}`,
      { code: 'TROUPE_ARCHITECTURE' },
    );
  return found;
}

function readHeadDim(fields: ConfigFields, hiddenSize: number, heads: number): number {
  const headDim = fields.int('head_dim', Math.floor(hiddenSize / heads));
  if (headDim % 2 !== 0)
    throw new ConfigError(`${fields.where} head_dim: expected an even number, got ${headDim}`);
  return headDim;
}

/**
 * Validates the activation function. Gemma's files have two fields for it; Transformers uses
 * `hidden_activation`.
 */
function checkActivation(fields: ConfigFields, { activation }: Family): void {
  const key = fields.value('hidden_activation') == null ? 'hidden_act' : 'hidden_activation';
  const value = fields.value(key) ?? activation;
  if (value !== activation)
    throw new ConfigError(
      `${fields.where} ${key}: expected "${activation}", got ${JSON.stringify(value)}; other activations are not supported`,
    );
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
