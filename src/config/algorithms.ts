/**
 * Algorithms by name: SAT, SAT as the paper prints it, and what both are compared with. An algorithm is a
 * table of settings, no code: all of them run in the same stage loop, write the same events and the same
 * metrics, and every setting gives way to the user's own.
 * @module
 */

type Value = string | number | boolean;

/** One setting of an algorithm, and where it comes from: an equation, or a finding of the specification. */
type Setting = readonly [path: `${string}.${string}`, value: Value, why: string];

export interface Algorithm {
  readonly about: string;
  readonly settings: readonly Setting[];
}

/** GRPO in this loop: no trust region, no test, no KL term. */
const GRPO: readonly Setting[] = [
  ['loss.ratio_norm', 'mean', "GRPO's mean over the tokens of a message (E26a)"],
  ['loss.dual_clip', 'off', 'plain PPO clip (E25)'],
  ['loss.beta', 0, 'no KL term, as in TRL and DAPO'],
  ['trust_region.gate', 'record', 'no trust region; what it would have said is recorded'],
  ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
  ['gate.kind', 'off', 'no acceptance test'],
];

export const ALGORITHMS = {
  sat: {
    about: 'Sequential Agent Tuning as this repository defines it: every default below.',
    settings: [],
  },
  'sat-paper': {
    about: 'Every literal choice of the paper, for comparison. Its weaknesses are its own (P1 to P9).',
    settings: [
      ['train.rollout_mode', 'reuse', 'one batch per stage serves every agent (P2)'],
      ['train.order', 'static', 'any order is said to do; with the next line this one is biased (P2)'],
      ['train.companions', 'independent', 'every episode a draw of its own'],
      ['scheme.state_weight', false, 'weights of later turns only, E15 without E17 (P2)'],
      ['loss.epsilon', 0.2, 'E23'],
      ['loss.dual_clip', 'off', 'E25: the ratio of a punished message is unbounded (E26b)'],
      ['loss.ratio_norm', 'sum', 'E22'],
      ['loss.normalise', 'group', 'E20: prompts are re-weighted by 1/sd (P7)'],
      ['loss.advantage_clip', 5, 'E21, taken for A_max in the certificate (P6)'],
      ['loss.beta', 0.001, 'E38'],
      ['trust_region.quantile', 0.99, 'E32: says nothing about the maximum (P8)'],
      ['trust_region.target_kl_message', 'off', 'E36: a quantile gate alone (P8)'],
      ['trust_region.slack', 'none', 'E33: its slack adds a probability to nats (P8)'],
      ['trust_region.max_backtracks', 5, 'E37'],
      ['trust_region.step_shrink', 1, 'a retry raises beta only: no help for a single step (C2)'],
      ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
      ['gate.kind', 'off', 'its certificate is never positive, so nothing is tested (P1, E51)'],
    ],
  },
  simultaneous: {
    about: 'SAT but for one thing: all agents learn from the stage-start team and change at once.',
    settings: [['scheme.update_schedule', 'simultaneous', 'the scheme SAT replaces (G1)']],
  },
  independent: {
    about: 'Every agent its own GRPO: it plays alone and learns from the verdict on its own answer.',
    settings: [['scheme.credit', 'own', 'no teammate, no team reward'], ...GRPO],
  },
  single: {
    about:
      'One agent, GRPO. For DAPO add loss.epsilon_high 0.28 and loss.ratio_norm sum; its dynamic sampling and overlong shaping are not there.',
    settings: GRPO,
  },
  teamtr: {
    about:
      'TeamTR: fresh rollouts per agent and a KL penalty, no gates. Its KL is to the start of the update.',
    settings: [
      ['train.rollout_mode', 'fresh', 'new rollouts before every agent step (4.4)'],
      ['train.companions', 'independent', 'every episode a draw of its own'],
      ['train.num_iterations', 2, 'with one step per update the penalty has no slope (E37)'],
      ['loss.beta', 0.001, 'fixed: with a recorded gate it does not adapt (4.4)'],
      ['loss.dual_clip', 'off', 'plain PPO clip (E25)'],
      ['trust_region.gate', 'record', 'no radius and no backtracking (4.4)'],
      ['optimizer.adapt_to_radius', false, 'the learning rate is set by hand'],
      ['gate.kind', 'off', 'no acceptance test'],
    ],
  },
} as const satisfies Readonly<Record<string, Algorithm>>;

export type AlgorithmName = keyof typeof ALGORITHMS;

export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as [AlgorithmName, ...AlgorithmName[]];

/** The settings of a file's algorithm; none for a name that is not one, which the schema will refuse. */
export function algorithmSettings(file: unknown): readonly Setting[] {
  const name = isSection(file) ? (file.algorithm ?? 'sat') : 'sat';
  return typeof name === 'string' && Object.hasOwn(ALGORITHMS, name)
    ? ALGORITHMS[name as AlgorithmName].settings
    : [];
}

/**
 * A file with its algorithm's settings where it says nothing of its own.
 *
 * @param file - value of the YAML file, flags included
 * @returns the file completed, and the dotted paths that the algorithm filled in
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
