/**
 * Converts a configuration, with its sections and snake_case keys, to options of the training loop and of the
 * engines.
 * @module
 */

import { type CamelCased, camelCased } from '../schema/camel-case.ts';
import type { TrainOptions } from '../train/options.ts';
import { raySection, samplerSection } from './engine-sections.ts';
import type { Config } from './schema.ts';

/** Defaults of optional sections, used if the section is absent. */
const SAMPLER_DEFAULTS = samplerSection.unwrap().parse({});
const RAY_DEFAULTS = raySection.unwrap().parse({});

/** @returns the options of the training loop; a setting `off` becomes an absent option or Infinity */
export function trainOptions(config: Config): TrainOptions {
  const { save_total_limit: _, overlong_prompts: __, ...train } = config.train;
  // the other keys of `scheme` have only one valid value
  const { update_schedule, credit, state_weight } = config.scheme;
  const { overlong_buffer_len, overlong_penalty_factor } = config.reward;
  const { dual_clip, epsilon_high, ...loss } = config.loss;
  const { target_kl_message, ...region } = config.trust_region;
  const { max_grad_norm, ...optimizer } = config.optimizer;
  return {
    seed: config.seed,
    ...camelCased(train),
    ...camelCased({ update_schedule, credit, state_weight }),
    ...camelCased(loss),
    ...(epsilon_high === undefined ? {} : { epsilonHigh: epsilon_high }),
    ...(dual_clip === 'off' ? {} : { dualClip: dual_clip }),
    agentReward: config.reward.agent,
    ...(overlong_buffer_len === 0
      ? {}
      : { overlongBuffer: { len: overlong_buffer_len, penaltyFactor: overlong_penalty_factor } }),
    stageEvaluationPrompts: config.eval.stage_prompts,
    evalPrompts: config.eval.prompts,
    trustRegion: {
      ...camelCased(region),
      ...(target_kl_message === 'off' ? {} : { targetKlMessage: target_kl_message }),
    },
    optimizer: {
      ...camelCased(optimizer),
      maxGradNorm: max_grad_norm === 'off' ? Number.POSITIVE_INFINITY : max_grad_norm,
    },
    gate: camelCased(config.gate),
    certificate: camelCased(config.certificate),
  };
}

/** Returns the options of the ONNX engine, which runs models in this process. */
export function engineOptions({ engine }: Config): Omit<Required<CamelCased<Config['engine']>>, 'kind'> {
  const { kind: _, ...options } = engine;
  return { ...camelCased(options), loraAlpha: loraAlpha(engine) };
}

/** Returns `lora_alpha`, which a resolved team file has if it trains adapters. */
function loraAlpha({ lora_rank, lora_alpha = 2 * lora_rank }: Config['engine']): number {
  return lora_alpha;
}

/** Returns the options of the PyTorch engine. Optional keys that the file does not set are absent. */
export function torchOptions({ engine, torch = { dtype: 'float32' }, sampler }: Config) {
  const { threads, token_budget, decode_batch, lora_rank } = engine;
  const { python, address, device = 'auto', dtype } = torch;
  return {
    ...camelCased({ threads, token_budget, decode_batch }),
    ...samplerOptions(sampler),
    device,
    dtype,
    ...(lora_rank === 0 ? {} : { lora: loraShape(engine) }),
    ...(python === undefined ? {} : { python }),
    ...(address === undefined ? {} : { address }),
  };
}

/** Options of the sampler. */
function samplerOptions({ kind, cache }: Config['sampler'] = SAMPLER_DEFAULTS) {
  return { sampler: kind, samplerCache: cache };
}

/** Returns rank, alpha and targets of new LoRA adapters, as one option of the PyTorch and Ray engines. */
function loraShape(engine: Config['engine']) {
  const { lora_rank, lora_target_modules, lora_rslora } = engine;
  const names = lora_target_modules.split(',').map((name) => name.trim());
  return {
    rank: lora_rank,
    alpha: loraAlpha(engine),
    targetModules: lora_target_modules === 'all-linear' ? ('all-linear' as const) : names,
    rslora: lora_rslora,
  };
}

/** Returns the options of the Ray engine. Optional keys that the file does not set are absent. */
export function rayOptions({ engine, ray, sampler, agents }: Config) {
  const { threads, token_budget, decode_batch, lora_rank } = engine;
  const { address, python, dtype, num_cpus, num_gpus, object_store_mib, temp_dir, ...placement } =
    ray ?? RAY_DEFAULTS;
  return {
    ...camelCased({ threads, token_budget, decode_batch }),
    ...camelCased(placement),
    ...samplerOptions(sampler),
    agents: agents.length,
    address,
    dtype,
    ...(lora_rank === 0 ? {} : { lora: loraShape(engine) }),
    ...(python === undefined ? {} : { python }),
    local: {
      ...(num_cpus === undefined ? {} : { cpus: num_cpus }),
      ...(num_gpus === undefined ? {} : { gpus: num_gpus }),
      ...(object_store_mib === undefined ? {} : { objectStoreMib: object_store_mib }),
      ...(temp_dir === undefined ? {} : { temporary: temp_dir }),
    },
  };
}
