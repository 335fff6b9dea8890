/**
 * RoPE settings of a `config.json`: base of the frequencies and their scaling for long contexts. Transformers
 * 4 writes `rope_theta` and `rope_scaling`; Transformers 5 writes `rope_parameters`, which for some families
 * has one entry per layer type.
 * @see rope.ts for the computation
 * @module
 */
import type { RopeScaling } from '../../../support/decoder-shape.ts';
import { ConfigError } from '../../../support/errors.ts';
import type { ConfigFields, Fields } from './config-fields.ts';

/** Entries of the RoPE settings that have no effect with any type. */
const WITHOUT_EFFECT = ['rope_theta', 'rope_type', 'type', 'partial_rotary_factor', 'finetuned'];

export interface RopeSettings {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  readonly localRopeTheta?: number;
}

/**
 * Reads the RoPE settings. If a file has those of Transformers 4 and 5, the former count, as in Transformers 5.
 *
 * @param maxPositions - default of the original context length
 * @returns the settings, and the names of the entries that were ignored
 * @throws ConfigError if the scaling type is not supported, or a value is missing
 */
export function readRope(
  fields: ConfigFields,
  maxPositions: number,
): { readonly settings: RopeSettings; readonly ignored: readonly string[] } {
  const parameters = record(fields, 'rope_parameters');
  const legacy = record(fields, 'rope_scaling');
  const [full, sliding] = [parameters.full_attention, parameters.sliding_attention] as (
    | Fields
    | null
    | undefined
  )[];
  const isLegacy = Object.keys(legacy).length > 0;
  const [key, scaled] = isLegacy
    ? (['rope_scaling', { ...full, ...legacy }] as const)
    : (['rope_parameters', full ?? parameters] as const);
  const theta = scaled.rope_theta ?? fields.value('rope_theta');
  const local = sliding?.rope_theta ?? fields.value('rope_local_base_freq');
  if (sliding && kindOf(fields, key, sliding) !== 'default')
    throw fields.problem('rope_parameters', 'unscaled positions in sliding layers', sliding);
  const originalPositions = Number(fields.value('original_max_position_embeddings') ?? maxPositions);
  const { scaling, ignored } = readScaling(fields, { key, scaled, originalPositions, maxPositions });
  return {
    settings: {
      ropeTheta: fields.asPositive('rope_theta', theta),
      ...(scaling ? { ropeScaling: scaling } : {}),
      ...(local == null ? {} : { localRopeTheta: fields.asPositive('rope_local_base_freq', local) }),
    },
    ignored,
  };
}

function record(fields: ConfigFields, key: string): Fields {
  const value = fields.value(key) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw fields.problem(key, 'an object', value);
  return value as Fields;
}

/** Returns the type of scaling. Older files name it `type`. */
function kindOf(fields: ConfigFields, key: string, { rope_type, type }: Fields): unknown {
  if (rope_type != null && type != null && rope_type !== type)
    throw fields.problem(key, 'one type of scaling in rope_type and type', { rope_type, type });
  return rope_type ?? type ?? 'default';
}

interface ScaledPositions {
  /** Name of the field, for messages. */
  readonly key: string;
  readonly scaled: Fields;
  /** Context length of pretraining, if the settings do not contain it. */
  readonly originalPositions: number;
  readonly maxPositions: number;
}

function readScaling(
  fields: ConfigFields,
  { key, scaled, originalPositions, maxPositions }: ScaledPositions,
): { readonly scaling: RopeScaling | undefined; readonly ignored: readonly string[] } {
  const kind = kindOf(fields, key, scaled);
  const partial = scaled.partial_rotary_factor ?? 1;
  if (partial !== 1)
    throw fields.problem(`${key}.partial_rotary_factor`, '1, rotation of whole heads', partial);
  const given = Object.entries(scaled).filter(([, value]) => value != null);
  const unread = new Set(given.map(([name]) => name).filter((name) => !WITHOUT_EFFECT.includes(name)));
  const optional = (name: string): number | undefined => {
    unread.delete(name);
    const value = scaled[name];
    return value == null ? undefined : fields.asPositive(`${key}.${name}`, value);
  };
  const number = (name: string, fallback?: number): number =>
    optional(name) ?? fields.asPositive(`${key}.${name}`, fallback);
  const scaling = scalingOf();
  return { scaling, ignored: [...unread].map((name) => `${key}.${name}`) };

  function scalingOf(): RopeScaling | undefined {
    const isTyped = scaled.rope_type != null || scaled.type != null;
    if (kind === 'default' && (isTyped || unread.size === 0)) return undefined;
    if (kind === 'linear' || kind === 'dynamic') return { kind, factor: number('factor') };
    if (kind === 'llama3')
      return {
        kind,
        factor: number('factor'),
        lowFrequencyFactor: number('low_freq_factor'),
        highFrequencyFactor: number('high_freq_factor'),
        originalPositions: number('original_max_position_embeddings', originalPositions),
      };
    if (kind === 'yarn') return yarn();
    throw new ConfigError(
      `${fields.where} ${key}: expected rope_type default, linear, dynamic, llama3 or yarn, got ${JSON.stringify(scaled)}`,
    );
  }

  function yarn(): RopeScaling {
    const original = number('original_max_position_embeddings', originalPositions);
    const factor = number('factor', original === maxPositions ? undefined : maxPositions / original);
    const [mscale, mscaleAll] = [scaled.mscale, scaled.mscale_all_dim].map((value) => value || undefined);
    for (const name of ['mscale', 'mscale_all_dim', 'truncate']) unread.delete(name);
    const ratio =
      mscale !== undefined && mscaleAll !== undefined
        ? yarnScale(factor, number('mscale')) / yarnScale(factor, number('mscale_all_dim'))
        : yarnScale(factor, 1);
    return {
      kind: 'yarn',
      factor,
      betaFast: number('beta_fast', 32),
      betaSlow: number('beta_slow', 1),
      attentionFactor: number('attention_factor', ratio),
      originalPositions: original,
      truncate: scaled.truncate !== false,
    };
  }
}

/**
 * Returns YaRN's factor of cos and sin, which makes attention scores larger. It compensates for attention
 * that is spread over more keys in longer contexts.
 */
function yarnScale(factor: number, mscale: number): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/** Returns the `rope_scaling` field of a config.json. */
export function ropeScalingJson(scaling: RopeScaling | undefined): Fields | null {
  if (!scaling) return null;
  const common = { rope_type: scaling.kind, factor: scaling.factor };
  if (scaling.kind === 'linear' || scaling.kind === 'dynamic') return common;
  const original = { original_max_position_embeddings: scaling.originalPositions };
  if (scaling.kind === 'llama3')
    return {
      ...common,
      low_freq_factor: scaling.lowFrequencyFactor,
      high_freq_factor: scaling.highFrequencyFactor,
      ...original,
    };
  return {
    ...common,
    ...original,
    beta_fast: scaling.betaFast,
    beta_slow: scaling.betaSlow,
    attention_factor: scaling.attentionFactor,
    ...(scaling.truncate ? {} : { truncate: false }),
  };
}
