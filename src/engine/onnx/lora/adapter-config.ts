/**
 * Reads and writes PEFT's `adapter_config.json`. Unsupported settings are rejected with an error that names
 * them, unless they have no effect on the computation.
 * @see https://github.com/huggingface/peft, `LoraConfig`
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { nearestName } from '../../../support/nearest.ts';
import { type AdapterShape, TARGETS, type Target } from '../decoder/adapter.ts';

export const ADAPTER_CONFIG = 'adapter_config.json';

export interface AdapterConfig extends AdapterShape {
  /** Path of the base model's folder. */
  readonly base: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields that do not affect the computation of a loaded adapter. */
const IGNORED_KEYS: ReadonlySet<string> = new Set([
  'auto_mapping',
  'inference_mode',
  'revision',
  'peft_version',
  'lora_dropout', // used in training only; this engine applies no dropout
  'qalora_group_size', // only used with use_qalora
  'megatron_core', // only used with megatron_config
  'layers_pattern', // only used with layers_to_transform
]);

/**
 * Values of `init_lora_weights` that do not change the base weights. Other initializations, such as PiSSA,
 * change them.
 */
const SUPPORTED_INITS: readonly unknown[] = [true, false, 'gaussian', 'orthogonal'];

/**
 * Parses the fields of the file.
 *
 * @param where - path of the file, for error messages
 * @throws ConfigError if it is not a LoRA adapter, or has an unsupported setting
 */
export function parseAdapterConfig(fields: Fields, where: string): AdapterConfig {
  const problem = (key: string, expected: string): ConfigError =>
    new ConfigError(`${where} ${key}: expected ${expected}, got ${JSON.stringify(fields[key])}`);
  const only = (key: string, allowed: readonly unknown[]): void => {
    if (fields[key] != null && !allowed.includes(fields[key]))
      throw problem(
        key,
        `${allowed.map((value) => JSON.stringify(value)).join(' or ')}, others are not supported`,
      );
  };
  only('peft_type', ['LORA']);
  only('task_type', ['CAUSAL_LM']);
  only('bias', ['none']);
  only('init_lora_weights', SUPPORTED_INITS);
  const rank = fields.r ?? 8;
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1)
    throw problem('r', 'a positive integer');
  const alpha = fields.lora_alpha ?? 8;
  if (typeof alpha !== 'number' || !(alpha > 0)) throw problem('lora_alpha', 'a number > 0');
  const base = fields.base_model_name_or_path;
  if (typeof base !== 'string' || base === '')
    throw problem('base_model_name_or_path', 'the folder of the base model');
  const read = ['peft_type', 'task_type', 'bias', 'init_lora_weights', 'r', 'lora_alpha', 'use_rslora'];
  for (const [key, value] of Object.entries(fields)) {
    const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
    if (value == null || value === false || isEmpty) continue;
    if (
      read.includes(key) ||
      IGNORED_KEYS.has(key) ||
      key === 'target_modules' ||
      key === 'base_model_name_or_path'
    )
      continue;
    throw new ConfigError(
      `${where} ${key}: this setting of adapters is not honoured, got ${JSON.stringify(value).slice(0, 60)}`,
    );
  }
  return {
    rank,
    alpha,
    rankStabilized: fields.use_rslora === true,
    targets: adapterTargets(fields.target_modules, `${where} target_modules`),
    base,
  };
}

/**
 * Validates a list of target modules; "all-linear" means all projections.
 *
 * @param where - path of the setting, for error messages
 * @throws ConfigError if a name is not a projection of a layer
 */
export function adapterTargets(value: unknown, where: string): readonly Target[] {
  const names: unknown = value === 'all-linear' ? TARGETS : value;
  if (!Array.isArray(names) || names.length === 0)
    throw new ConfigError(
      `${where}: expected a list of ${TARGETS.join(', ')}, or "all-linear", got ${JSON.stringify(value)}`,
    );
  for (const name of names)
    if (!(TARGETS as readonly unknown[]).includes(name)) {
      const close = nearestName(String(name), TARGETS);
      throw new ConfigError(
        `${where}: expected some of ${TARGETS.join(', ')}, got ${JSON.stringify(name)}${close ? `; did you mean "${close}"?` : ''}`,
      );
    }
  return TARGETS.filter((target) => names.includes(target));
}

/** Returns the fields of the file, as PEFT writes them. */
export function adapterConfigJson(config: AdapterConfig): Record<string, unknown> {
  return {
    base_model_name_or_path: config.base,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: config.alpha,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: config.rank,
    target_modules: config.targets,
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: config.rankStabilized,
  };
}
