/**
 * The team file as a whole: sections, defaults that depend on other fields, and combinations that
 * cannot work, refused with the equation that says so.
 * @module
 */
import { z } from 'zod';
import { ALGORITHM_NAMES } from './algorithms.ts';
import { contaminationSection, evalSection } from './evaluation-sections.ts';
import { choice, integer, show, text } from './fields.ts';
import {
  agentSchema,
  certificateSection,
  engineSection,
  gateSection,
  lossSection,
  optimizerSection,
  pretrainSection,
  protocolSection,
  raySection,
  rewardSection,
  samplerSection,
  schemeSection,
  taskSection,
  templateKwargs,
  torchSection,
  trainSection,
  trustRegionSection,
} from './sections.ts';

/** Above this number of tokens the clip range of a summed log-ratio is too narrow (E26). */
const LONG_MESSAGE_TOKENS = 500;

export const agentsField = z
  .array(agentSchema, {
    error: (issue) => `expected a list of agents or how many there are, got ${show(issue.input)}`,
  })
  .min(1, { error: 'expected at least one agent, got none' })
  .max(64, { error: 'expected at most 64 agents' })
  .describe('The team: a list, or just a number of agents that all start from `base`.');

const fileSchema = z.strictObject({
  name: text().default('team').describe('Name of the team in reports.'),
  seed: integer({ min: 0 })
    .default(1)
    .describe('Names every random draw of the run; a generated task has a seed of its own for its problems.'),
  algorithm: choice(ALGORITHM_NAMES)
    .default('sat')
    .describe('A table of settings that fields of this file override; see Algorithms.'),
  base: text('a model folder')
    .optional()
    .describe(
      'Model folder of agents that name none, relative to this file, or a model of the hub: hf:OWNER/NAME@REVISION.',
    ),
  agents: agentsField,
  chat_template_kwargs: templateKwargs(
    'Switches of the chat templates of all agents, such as {enable_thinking: false}. Default: none.',
  ).optional(),
  engine: engineSection,
  torch: torchSection,
  ray: raySection,
  sampler: samplerSection,
  protocol: protocolSection,
  task: taskSection,
  pretrain: pretrainSection,
  reward: rewardSection,
  train: trainSection,
  scheme: schemeSection,
  loss: lossSection,
  trust_region: trustRegionSection,
  optimizer: optimizerSection,
  gate: gateSection,
  certificate: certificateSection,
  eval: evalSection,
  contamination: contaminationSection,
});

/** Protocols in which every message is an answer of its own. */
const AGENTS_ANSWER: ReadonlySet<string> = new Set(['vote', 'debate', 'parts']);

type FileConfig = z.output<typeof fileSchema>;

/** A team file, checked and with every default in place. */
export const configSchema = fileSchema.superRefine(refuseImpossible).transform(fillIn);

/** The resolved configuration; keys as in the file. */
export type Config = z.output<typeof configSchema>;

/** A team file as its author writes it: keys with a default may be left out. */
export type TeamFile = Omit<z.input<typeof fileSchema>, 'agents'> & {
  /** A list of agents, or their number where all start from `base`. */
  agents: z.input<typeof agentsField> | number;
};

/** Keys of the file that hold one value, usable as flags without a dot: `--seed 3`. */
export const PLAIN_KEYS = ['name', 'seed', 'algorithm', 'base', 'agents'] as const;

/** Keys are rebuilt in the order of the schema, so that a resolved file resolves to itself. */
function fillIn(config: FileConfig) {
  const { name = '', module, ...options } = config.task;
  // a module's own name is that of its path, which is known once that is absolute (`resolve.ts`)
  const task: FileConfig['task'] & { readonly name: string } = {
    name,
    ...(module === undefined ? {} : { module }),
    ...options,
  };
  const { stages, rollout_mode, order, ...train } = config.train;
  const { epsilon, epsilon_high, dual_clip, ratio_norm, ...loss } = config.loss;
  const isLong = train.max_completion_length > LONG_MESSAGE_TOKENS;
  return {
    ...config,
    agents: config.agents.map(({ name, model, ...agent }, id) => ({
      name: name ?? `agent_${id}`,
      model: model ?? (config.base as string), // refuseImpossible saw one of the two
      ...agent,
    })),
    task,
    train: {
      stages,
      rollout_mode,
      order: order ?? (rollout_mode === 'fresh' ? ('static' as const) : ('reverse' as const)),
      ...train,
    },
    loss: {
      epsilon,
      ...(epsilon_high === undefined ? {} : { epsilon_high }),
      dual_clip,
      ratio_norm: ratio_norm ?? (isLong ? ('mean' as const) : ('sum' as const)),
      ...loss,
    },
  };
}

function refuseImpossible(config: FileConfig, context: z.RefinementCtx): void {
  const refuse = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  if (config.task.name === undefined && config.task.module === undefined)
    refuse(['task', 'name'], 'expected the name of a task, got nothing; or module, for one of your own');
  refuseAgents(config, refuse);
  refuseSlack(config, refuse);
  refuseScheme(config, refuse);
  refuseEstimator(config, refuse);
  refuseEngine(config, refuse);
  const { pretrain, protocol, reward } = config;
  if (reward.agent > 0 && !AGENTS_ANSWER.has(protocol.kind))
    refuse(
      ['reward', 'agent'],
      `expected 0 with protocol ${protocol.kind}, where members give no answers of their own, got ${reward.agent}`,
    );
  if (pretrain.hidden_size % pretrain.heads !== 0 || (pretrain.hidden_size / pretrain.heads) % 2 !== 0)
    refuse(
      ['pretrain', 'heads'],
      `expected heads of an even width (hidden_size / heads), got ${pretrain.hidden_size} / ${pretrain.heads}`,
    );
  if (pretrain.heads % pretrain.kv_heads !== 0)
    refuse(
      ['pretrain', 'kv_heads'],
      `expected a divisor of heads = ${pretrain.heads}, got ${pretrain.kv_heads}`,
    );
}

type Refuse = (path: readonly (string | number)[], message: string) => void;

function refuseAgents({ agents, base }: FileConfig, refuse: Refuse): void {
  const names = new Map<string, number>();
  agents.forEach((agent, id) => {
    if (agent.model === undefined && base === undefined)
      refuse(['agents', id], 'expected a model folder, got nothing; set model here, or base for all agents');
    const name = agent.name ?? `agent_${id}`;
    const other = names.get(name);
    if (other !== undefined)
      refuse(['agents', id, 'name'], `expected a name of its own, got "${name}", which is agent ${other}'s`);
    names.set(name, id);
  });
}

/** What the stage loop cannot do together, or an algorithm is not. */
function refuseScheme(
  { algorithm, agents, protocol, scheme, train, gate }: FileConfig,
  refuse: Refuse,
): void {
  if (algorithm === 'single' && agents.length !== 1)
    refuse(['algorithm'], `expected one agent with algorithm single, got ${agents.length}`);
  if (scheme.credit === 'own' && !AGENTS_ANSWER.has(protocol.kind))
    refuse(
      ['scheme', 'credit'],
      `expected team with protocol ${protocol.kind}, where members give no answers of their own, got own`,
    );
  if (scheme.credit === 'own' && train.rollout_mode === 'reuse')
    refuse(
      ['scheme', 'credit'],
      'expected team with rollout_mode reuse, where one batch of the whole team serves everybody, got own',
    );
  if (scheme.update_schedule === 'simultaneous' && gate.kind === 'step')
    refuse(
      ['scheme', 'update_schedule'],
      'expected sequential with gate.kind step, which tests each update in the team it was made for, got simultaneous',
    );
}

/** Estimators that need what no engine here has, and bounds that need data of their own. */
function refuseEstimator({ scheme, engine, certificate }: FileConfig, refuse: Refuse): void {
  const { estimator, gamma, lam, order_split } = scheme;
  if (estimator !== 'group')
    refuse(
      ['scheme', 'estimator'],
      `expected group with engine ${engine.kind}, whose models have no value head for a critic, got ${estimator}`,
    );
  if (gamma < 1)
    refuse(
      ['scheme', 'gamma'],
      `expected 1 with estimator group, whose advantage is that of a reward at the end of an undiscounted episode, got ${gamma}`,
    );
  if (lam < 1)
    refuse(
      ['scheme', 'lam'],
      `expected 1 with the ratio of a whole sequence, with which a smaller lam gives later turns up to 1/(1 - lam) times the weight, got ${lam}`,
    );
  if (order_split === 'validation')
    refuse(
      ['scheme', 'order_split'],
      'expected train: an order chosen on validation prompts would void the tests and bounds made from them, got validation',
    );
  if (certificate.prompts === 1)
    refuse(['certificate', 'prompts'], 'expected 0, or at least 2 for a variance, got 1');
}

/** What is said of one engine means nothing to another. */
function refuseEngine({ engine, torch, ray, sampler }: FileConfig, refuse: Refuse): void {
  const { kind, spinning, base_dtype } = engine;
  for (const [name, section] of Object.entries({ torch, ray }))
    if (kind !== name && section !== undefined)
      refuse([name], `expected nothing with engine.kind ${kind}, got a section; set engine.kind to ${name}`);
  if (kind === 'onnx' && sampler !== undefined)
    refuse(
      ['sampler'],
      'expected nothing with engine.kind onnx, which samples itself, got a section; set engine.kind to torch or ray',
    );
  const ranks = Math.max(ray?.gpus_per_agent ?? 0, ray?.ranks_per_agent ?? 0);
  if (sampler?.kind === 'vllm' && ranks > 1)
    refuse(
      ['sampler', 'kind'],
      `expected auto or torch for agents over ${ranks} ranks, got vllm, which samples for agents of one`,
    );
  if (kind !== 'onnx' && spinning)
    refuse(['engine', 'spinning'], `expected false with kind ${kind}, whose threads are PyTorch's, got true`);
  if (kind !== 'onnx' && base_dtype !== 'auto')
    refuse(
      ['engine', 'base_dtype'],
      `expected auto with kind ${kind}, whose bases are kept as ${kind}.dtype says, got ${base_dtype}`,
    );
  if (ray !== undefined) refuseRay(ray, refuse);
  if (torch?.address === undefined) return;
  for (const key of ['python', 'device'] as const)
    if (torch[key] !== undefined)
      refuse(['torch', key], `expected nothing beside address, whose worker has its own, got ${torch[key]}`);
}

/** Shares and addresses that cannot be. */
function refuseRay(ray: NonNullable<FileConfig['ray']>, refuse: Refuse): void {
  const { address, gpus_per_agent, ranks_per_agent, cpus_per_agent } = ray;
  if (gpus_per_agent > 1 && !Number.isInteger(gpus_per_agent))
    refuse(['ray', 'gpus_per_agent'], `expected a whole number above 1, got ${gpus_per_agent}`);
  if (gpus_per_agent > 0 && ranks_per_agent > 0 && ranks_per_agent !== Math.max(1, gpus_per_agent))
    refuse(
      ['ray', 'ranks_per_agent'],
      `expected one for each of ${gpus_per_agent} GPUs, got ${ranks_per_agent}; leave it out`,
    );
  if (ranks_per_agent > 1 && gpus_per_agent === 0 && cpus_per_agent === 0)
    refuse(['ray', 'cpus_per_agent'], `expected more than 0 for ${ranks_per_agent} ranks, got 0`);
  if (address.startsWith('http') && ray.python !== undefined)
    refuse(
      ['ray', 'python'],
      `expected nothing beside ${address}, whose driver has its own Python, got ${ray.python}`,
    );
  if (address === 'local') return;
  for (const key of ['num_cpus', 'num_gpus', 'object_store_mib', 'temp_dir'] as const)
    if (ray[key] !== undefined)
      refuse(
        ['ray', key],
        `expected nothing with a cluster that runs already, got ${ray[key]}; set address to local`,
      );
}

/** A confidence bound is defined only for enough independent trajectories (E33, E34). */
function refuseSlack({ train, trust_region }: FileConfig, refuse: Refuse): void {
  const { slack, slack_confidence: eta, quantile } = trust_region;
  if (slack === 'none') return;
  const needed =
    slack === 'dkw'
      ? Math.ceil(Math.log(1 / eta) / (2 * (1 - quantile) ** 2))
      : Math.ceil(Math.log(eta) / Math.log(quantile));
  const trajectories = train.prompts_per_step * train.num_generations;
  if (trajectories >= needed) return;
  const formula = slack === 'dkw' ? 'ln(1/eta) / (2 alpha^2)' : 'ln(eta) / ln(1 - alpha)';
  refuse(
    ['trust_region', 'slack'],
    `expected at least ${needed} trajectories per step for ${slack} (${formula}), got ${trajectories} = prompts_per_step x num_generations; raise one of them, lower quantile, or use ${slack === 'dkw' ? 'binom' : 'none'}`,
  );
}
