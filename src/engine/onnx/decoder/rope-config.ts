/**
 * RoPE settings of a `config.json`: base of the frequencies and their scaling for long contexts. Transformers
 * 4 writes `rope_theta` and `rope_scaling`; Transformers 5 writes `rope_parameters`, which for some families
 * has one entry per layer type.
 * @see rope.ts for the computation
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import type { ConfigFields } from './config-fields.ts';

export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Factor of cos and sin. */
      readonly attentionFactor: number;
      readonly originalPositions: number;
      /** Whether the bounds of the interpolation ramp are rounded to integers. */
      readonly truncate: boolean;
    };

type Fields = Readonly<Record<string, unknown>>;

export interface RopeSettings {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
  readonly localRopeTheta?: number;
}

/**
 * Reads the RoPE settings.
 *
 * @param maxPositions - default of YaRN's original context length
 * @throws ConfigError if the scaling type is not supported, or a value is missing
 */
export function readRope(fields: ConfigFields, maxPositions: number): RopeSettings {
  const nested = record(fields, 'rope_parameters');
  const [full, sliding] = [nested.full_attention, nested.sliding_attention] as (Fields | undefined)[];
  const parameters = full ?? nested;
  const scaling = record(fields, 'rope_scaling');
  const theta = fields.value('rope_theta');
  const explicit = 'rope_theta' in parameters ? parameters.rope_theta : theta;
  const local = sliding?.rope_theta ?? fields.value('rope_local_base_freq');
  if (sliding && !isUnscaled(sliding))
    throw fields.problem('rope_parameters', 'unscaled positions in sliding layers', sliding);
  const [key, scaled] = isUnscaled(parameters)
    ? (['rope_scaling', scaling] as const)
    : (['rope_parameters', parameters] as const);
  const ropeScaling = isUnscaled(scaled) ? undefined : readScaling(fields, { key, scaled, maxPositions });
  return {
    ropeTheta: fields.asPositive('rope_theta', explicit),
    ...(ropeScaling ? { ropeScaling } : {}),
    ...(local == null ? {} : { localRopeTheta: fields.asPositive('rope_local_base_freq', local) }),
  };
}

function record(fields: ConfigFields, key: string): Fields {
  const value = fields.value(key) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw fields.problem(key, 'an object', value);
  return value as Fields;
}

function isUnscaled(rope: Fields): boolean {
  const { rope_theta: _theta, rope_type, type, ...scaling } = rope;
  return (rope_type ?? type ?? 'default') === 'default' && Object.keys(scaling).length === 0;
}

function readScaling(
  fields: ConfigFields,
  at: { readonly key: string; readonly scaled: Fields; readonly maxPositions: number },
): RopeScaling {
  const { rope_theta: _theta, rope_type, type, ...numbers } = at.scaled;
  const kind = rope_type ?? type;
  const unread = new Set(Object.keys(numbers));
  const number = (name: string, fallback?: number): number => {
    unread.delete(name);
    return fields.asPositive(`${at.key}.${name}`, numbers[name] ?? fallback);
  };
  let scaling: RopeScaling;
  if (kind === 'linear') scaling = { kind, factor: number('factor') };
  else if (kind === 'llama3')
    scaling = {
      kind,
      factor: number('factor'),
      lowFrequencyFactor: number('low_freq_factor'),
      highFrequencyFactor: number('high_freq_factor'),
      originalPositions: number('original_max_position_embeddings'),
    };
  else if (kind === 'yarn') scaling = readYarn();
  else
    throw new ConfigError(
      `${fields.where} ${at.key}: expected rope_type default, linear, llama3 or yarn, got ${JSON.stringify(at.scaled)}`,
    );
  const [unknown] = unread;
  if (unknown !== undefined)
    throw new ConfigError(
      `${fields.where} ${at.key}.${unknown}: this setting of ${kind} positions is not honoured`,
    );
  return scaling;

  function readYarn(): RopeScaling {
    const factor = number('factor');
    unread.delete('attention_factor');
    unread.delete('truncate');
    const mscale = 'mscale' in numbers ? number('mscale') : undefined;
    const mscaleAll = 'mscale_all_dim' in numbers ? number('mscale_all_dim') : undefined;
    const ratio =
      mscale !== undefined && mscaleAll !== undefined
        ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAll)
        : yarnScale(factor, 1);
    return {
      kind: 'yarn',
      factor,
      betaFast: number('beta_fast', 32),
      betaSlow: number('beta_slow', 1),
      attentionFactor: fields.asPositive(`${at.key}.attention_factor`, numbers.attention_factor ?? ratio),
      originalPositions: number('original_max_position_embeddings', at.maxPositions),
      truncate: numbers.truncate !== false,
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
  if (scaling.kind === 'linear') return common;
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
