/**
 * Algorithms by name: SAT, SAT as printed in the paper, and baselines. An algorithm is only a table of
 * settings: all algorithms run in the same stage loop and write the same events and metrics. The user's own
 * settings override those of the algorithm.
 * @module
 */

type Value = string | number | boolean;

/** One setting of an algorithm, and the reason for it. `docs/algorithm.md` explains the equations. */
type Setting = readonly [path: `${string}.${string}`, value: Value, why: string];

export interface Algorithm {
  readonly about: string;
  readonly settings: readonly Setting[];
}

/** Settings of GRPO: no trust region, no acceptance test, no KL term. */
const GRPO: readonly Setting[] = [
  ['loss.ratio_norm', 'mean', "GRPO's mean over the tokens of a message"],
  ['loss.dual_clip', 'off', 'plain PPO clip'],
  ['loss.beta', 0, 'no KL term, as in TRL and DAPO'],
  ['trust_region.gate', 'record', 'no trust region; divergences are recorded only'],
  ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
  ['gate.kind', 'off', 'no acceptance test'],
];

export const ALGORITHMS = {
  sat: {
    about: 'Sequential Agent Tuning as this repository defines it: every default below.',
    settings: [],
  },
  'sat-paper': {
    about: 'Every literal choice of the paper, for comparison, including its errors.',
    settings: [
      ['train.rollout_mode', 'reuse', 'one batch per stage serves every agent'],
      ['train.order', 'static', 'the paper allows any order; with state_weight false this one is biased'],
      ['train.companions', 'independent', 'every episode is an independent draw'],
      ['scheme.state_weight', false, 'weights of later turns only, without the prefix weight'],
      ['loss.epsilon', 0.2, 'clip width of the paper'],
      ['loss.dual_clip', 'off', 'the ratio of a message with a negative advantage is unbounded'],
      ['loss.ratio_norm', 'sum', 'ratio of a whole message'],
      ['loss.normalise', 'group', 'prompts are re-weighted by 1 / standard deviation'],
      ['loss.advantage_clip', 5, 'the paper also uses it as A_max in its certificate'],
      ['loss.beta', 0.001, 'initial weight of the KL term in the paper'],
      ['trust_region.target_kl', 0.01, 'radius of the paper'],
      ['trust_region.quantile', 0.99, 'a quantile does not bound the maximum'],
      ['trust_region.target_kl_message', 'off', 'a quantile gate alone'],
      ['trust_region.slack', 'none', 'the slack of the paper adds a probability to nats'],
      ['trust_region.max_backtracks', 5, 'retries of the paper'],
      ['trust_region.step_shrink', 1, 'a retry only raises beta, which has no effect on a single step'],
      ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
      ['gate.kind', 'off', 'the paper has a certificate instead of a test; it is never positive'],
    ],
  },
  simultaneous: {
    about:
      'SAT with one difference: all agents learn from the team at the start of the stage and are updated simultaneously.',
    settings: [['scheme.update_schedule', 'simultaneous', 'the scheme that SAT replaces']],
  },
  independent: {
    about:
      'GRPO for every agent separately: it plays without teammates and learns from the verdict on its own answer.',
    settings: [['scheme.credit', 'own', 'no teammate, no team reward'], ...GRPO],
  },
  single: {
    about:
      'One agent, GRPO. For DAPO add loss.epsilon_high 0.28, loss.ratio_norm sum and reward.overlong_buffer_len, or train.truncated mask for its overlong filtering; its dynamic sampling is not implemented.',
    settings: GRPO,
  },
  teamtr: {
    about:
      'TeamTR: fresh rollouts per agent and a KL penalty, no gates. Its KL is to the start of the update.',
    settings: [
      ['train.rollout_mode', 'fresh', 'new rollouts before every agent step'],
      ['train.companions', 'independent', 'every episode is an independent draw'],
      ['train.num_iterations', 2, 'with one step per update the gradient of the penalty is 0'],
      ['loss.beta', 0.001, 'fixed: with a recorded gate it does not adapt'],
      ['loss.dual_clip', 'off', 'plain PPO clip'],
      ['trust_region.gate', 'record', 'no radius and no backtracking'],
      ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
      ['gate.kind', 'off', 'no acceptance test'],
    ],
  },
} as const satisfies Readonly<Record<string, Algorithm>>;

export type AlgorithmName = keyof typeof ALGORITHMS;

export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as [AlgorithmName, ...AlgorithmName[]];

/**
 * Returns the settings of the algorithm that a team file names; [] for unknown names, which the schema
 * rejects.
 */
export function algorithmSettings(file: unknown): readonly Setting[] {
  const name = isSection(file) ? (file.algorithm ?? 'sat') : 'sat';
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)
    ? ALGORITHMS[name as AlgorithmName].settings
    : [];
}

/**
 * Adds the settings of the team file's algorithm for all keys that the team file does not set.
 *
 * @param file - content of the team file as an object, with flags applied
 * @returns the completed object, and the dotted paths of the added settings
 */
export function withAlgorithm(file: unknown): {
  readonly file: unknown;
  readonly filled: ReadonlySet<string>;
} {
  const filled = new Set<string>();
  if (!isSection(file)) return { file, filled };
  const complete: Record<string, unknown> = { ...file };
  for (const [path, value] of algorithmSettings(file)) {
    const [section, key] = path.split('.') as [string, string]; // by the type of Setting
    const own = complete[section] ?? {};
    if (!isSection(own) || own[key] !== undefined) continue;
    complete[section] = { ...own, [key]: value };
    filled.add(path);
  }
  return { file: complete, filled };
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
