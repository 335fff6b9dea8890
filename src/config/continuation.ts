/**
 * Checks which settings change when a run is resumed. The settings in {@link RESUMABLE} may change; everything else
 * belongs to the run.
 * @module
 */
import { show } from '../schema/fields.ts';
import { raySection, samplerSection, torchSection } from './engine-sections.ts';
import type { PlacelessIssue } from './issues.ts';
import type { ResolvedConfig } from './resolve.ts';
import type { Config } from './schema.ts';

/**
 * Keys, and sections with all their keys, that may change when a run is resumed: the length of the run, step sizes and
 * batch sizes, the machine, and the size of evaluations. A key is not in this list
 * - if with another value the acceptance tests before and after the change were not comparable, or the stored models
 *   would be other models (team, task, policy, reward, adapters, numeric types),
 * - if it selects the method (update schedule, loss, gates), or
 * - if it has no effect on a run with a checkpoint (`base`, `loss.beta`, `pretrain`).
 * docs/runs.md has the list for users.
 */
export const RESUMABLE: readonly string[] = [
  'name',
  'engine.kind',
  'engine.threads',
  'engine.spinning',
  'engine.token_budget',
  'engine.decode_batch',
  'engine.activation_mib',
  'torch.python',
  'torch.address',
  'torch.device',
  'ray.address',
  'ray.python',
  'ray.cpus_per_agent',
  'ray.gpus_per_agent',
  'ray.ranks_per_agent',
  'ray.placement',
  'ray.wait_seconds',
  'ray.shared_files',
  'ray.num_cpus',
  'ray.num_gpus',
  'ray.object_store_mib',
  'ray.temp_dir',
  'sampler',
  'train.stages',
  'train.prompts_per_step',
  'train.num_generations',
  'train.num_iterations',
  'train.minibatch_size',
  'train.save_steps',
  'train.save_total_limit',
  'loss.epsilon',
  'loss.epsilon_high',
  'loss.dual_clip',
  'loss.advantage_clip',
  'trust_region.target_kl',
  'trust_region.target_kl_message',
  'trust_region.quantile',
  'trust_region.slack',
  'trust_region.slack_confidence',
  'trust_region.max_backtracks',
  'trust_region.step_shrink',
  'optimizer',
  'gate.every',
  'gate.n_plan',
  'gate.tolerance',
  'certificate',
  'eval.prompts',
  'eval.k',
  'eval.stage_prompts',
  'eval.data',
  'eval.early_stop',
  'eval.early_stop_error',
];

/**
 * Rejects changes of settings that must not change.
 *
 * @param before - configuration of the run
 * @param now - the same configuration with the flags of the resuming command
 * @throws ConfigError with one line per changed key
 */
export function requireSameRun(before: Config, now: ResolvedConfig): void {
  const problems = differences([], withDefaults(before, now.config), withDefaults(now.config, before));
  if (problems.length > 0) throw now.problem(problems);
}

/**
 * Fills in the defaults of absent sections, so that a section that changes no value is not a difference, and the alpha of
 * the other configuration in one without adapters, which has none: only the changed rank is then a difference.
 */
function withDefaults(config: Config, other: Config): Config {
  const alpha = config.engine.lora_alpha ?? other.engine.lora_alpha;
  return {
    ...config,
    engine: { ...config.engine, ...(alpha === undefined ? {} : { lora_alpha: alpha }) },
    torch: config.torch ?? torchSection.unwrap().parse({}),
    ray: config.ray ?? raySection.unwrap().parse({}),
    sampler: config.sampler ?? samplerSection.unwrap().parse({}),
  };
}

function mayChange(path: readonly string[]): boolean {
  const key = path.join('.');
  return RESUMABLE.some((allowed) => key === allowed || key.startsWith(`${allowed}.`));
}

function differences(path: readonly string[], before: unknown, now: unknown): PlacelessIssue[] {
  if (mayChange(path)) return [];
  if (isSection(before) && isSection(now)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(now)]);
    return [...keys].flatMap((key) => differences([...path, key], before[key], now[key]));
  }
  if (Array.isArray(before) && Array.isArray(now) && before.length === now.length)
    return before.flatMap((value, index) => differences([...path, `${index}`], value, now[index]));
  const [had, got] = [shown(before), shown(now)];
  if (had === got) return [];
  return [
    { path, message: `expected ${had}, the value of this run, got ${got}; start a new run to change it` },
  ];
}

/**
 * Formats a value for messages. A list is formatted as its length, because only lists of different lengths
 * are compared here.
 */
function shown(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : show(value);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
