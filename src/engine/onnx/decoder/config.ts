/**
 * Configuration of a decoder, parsed from a Hugging Face `config.json`. Architectures and settings that this engine
 * cannot compute are rejected with an error that names them.
 * @see families.ts for the differences between model families, and config-keys.ts for keys that are not read
 * @module
 */
import type { DecoderShape, LayerKind } from '../../../support/decoder-shape.ts';
import { ConfigError } from '../../../support/errors.ts';
import { MAX_LAYERS } from '../../../support/model-limits.ts';
import { describeModel } from './architecture.ts';
import { ConfigFields } from './config-fields.ts';
import { checkKeys } from './config-keys.ts';
import { ARCHITECTURES, type Architecture, FAMILIES, type Family } from './families.ts';
import { readRope } from './rope-config.ts';

export type { Biases, LayerKind } from '../../../support/decoder-shape.ts';
export type { Architecture } from './families.ts';
export { ARCHITECTURES } from './families.ts';

/** Shape and settings of a decoder. */
export interface DecoderConfig extends DecoderShape {
  readonly architecture: Architecture;
  readonly endTokens: readonly number[];
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

const FAMILY_KEYS = [...new Set(ARCHITECTURES.flatMap((architecture) => FAMILIES[architecture].keys))];

/**
 * Validates a parsed `config.json`.
 *
 * @param json - the parsed file
 * @param where - path of the file, for messages
 * @param onWarning - called with one line about all unknown keys, and one about each value that is ignored
 * @throws ConfigError if the architecture or a setting is not supported, or a field is missing or out of range
 */
export function parseDecoderConfig(
  json: unknown,
  where: string,
  onWarning?: (message: string) => void,
): DecoderConfig {
  if (typeof json !== 'object' || json === null)
    throw new ConfigError(`${where}: expected a JSON object with a model configuration`);
  const { architecture, raw } = describeModel(json as Readonly<Record<string, unknown>>, where, onWarning);
  const family = FAMILIES[architecture];
  const fields = new ConfigFields(raw, family.defaults, where);
  const maxPositions = fields.int('max_position_embeddings');
  const rope = readRope(fields, maxPositions);
  checkKeys(raw, {
    ...{ where, architecture, onWarning },
    read: family.keys,
    readElsewhere: FAMILY_KEYS,
    implied: family.qkNorm ? ['qk_norm', 'use_qk_norm', 'qk_layernorm'] : [],
    alsoUnknown: rope.ignored,
  });
  const heads = fields.int('num_attention_heads');
  const kvHeads = raw.num_key_value_heads === null ? heads : fields.int('num_key_value_heads', heads);
  if (heads % kvHeads !== 0)
    throw new ConfigError(`${where} num_key_value_heads: expected a divisor of ${heads}, got ${kvHeads}`);
  const hiddenSize = fields.int('hidden_size');
  const layers = fields.int('num_hidden_layers');
  if (layers > MAX_LAYERS) throw fields.problem('num_hidden_layers', `at most ${MAX_LAYERS}`, layers);
  const vocabSize = fields.int('vocab_size');
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
    ...rope.settings,
    tiedEmbeddings: fields.value('tie_word_embeddings') === true,
    maxPositions,
    endTokens: endTokens(fields.value('eos_token_id'), {
      ...{ vocabSize, where },
      // the default of a family can be outside a small vocabulary
      onWarning: raw.eos_token_id === undefined ? undefined : onWarning,
    }),
    ...(layerKinds.some(({ sliding, rope }) => sliding || rope !== 'global') ? { layerKinds } : {}),
    ...(layerKinds.some(({ sliding }) => sliding) ? { slidingWindow: readWindow(fields) } : {}),
    ...optional('biases', family.biases(fields)),
    ...(family.scaledEmbeddings ? readGemmaScales(fields) : {}),
    ...optional('beginToken', fields.tokenOrNull('bos_token_id')),
    ...optional('padToken', fields.tokenOrNull('pad_token_id')),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}

/** Other families do not have these fields, and Transformers ignores them there. */
function readGemmaScales(
  fields: ConfigFields,
): Pick<DecoderConfig, 'queryScalar' | 'attentionSoftcap' | 'logitSoftcap'> {
  return {
    ...optional('queryScalar', fields.positiveOrNull('query_pre_attn_scalar')),
    ...optional('attentionSoftcap', fields.positiveOrNull('attn_logit_softcapping')),
    ...optional('logitSoftcap', fields.positiveOrNull('final_logit_softcapping')),
  };
}

function readWindow(fields: ConfigFields): number {
  const value = fields.value('sliding_window');
  if (value === null)
    throw fields.problem('sliding_window', 'a positive integer for the sliding layers', value);
  return fields.int('sliding_window');
}

function readHeadDim(fields: ConfigFields, hiddenSize: number, heads: number): number {
  const headDim = fields.int('head_dim', Math.floor(hiddenSize / heads));
  if (headDim % 2 !== 0)
    throw new ConfigError(`${fields.where} head_dim: expected an even number, got ${headDim}`);
  return headDim;
}

/** Validates the activation function. Gemma's files can have a second field for it, which is not used. */
function checkActivation(fields: ConfigFields, { activation, activationKey, activationNames }: Family): void {
  const value = fields.value(activationKey) ?? activation;
  if (!activationNames.includes(String(value)))
    throw new ConfigError(
      `${fields.where} ${activationKey}: expected "${activation}", got ${JSON.stringify(value)}; other activations are not supported`,
    );
}

/**
 * Reads the end tokens. As in Transformers, an id outside the vocabulary ends no message; -1 stands for no end
 * token.
 */
function endTokens(
  value: unknown,
  {
    vocabSize,
    where,
    onWarning,
  }: {
    readonly vocabSize: number;
    readonly where: string;
    readonly onWarning: ((message: string) => void) | undefined;
  },
): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : value == null ? [] : [value];
  if (!list.every((id): id is number => typeof id === 'number' && Number.isInteger(id)))
    throw new ConfigError(`${where} eos_token_id: expected token ids, got ${JSON.stringify(value)}`);
  const outside = list.filter((id) => id >= vocabSize || id < -1);
  if (outside.length > 0)
    onWarning?.(
      `${where} eos_token_id: expected token ids from 0 to ${vocabSize - 1}, got ${JSON.stringify(value)}; ${outside.join(', ')} ends no message`,
    );
  return list.filter((id) => id >= 0 && id < vocabSize);
}
