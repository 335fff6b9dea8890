/**
 * Schema of team files: its sections, the defaults that depend on other fields, and combinations of settings
 * that are rejected.
 * @module
 */
import { z } from 'zod';
import { choice, integer, show, text } from '../schema/fields.ts';
import { agentSchema, chatTemplate, examplesSchema, templateKwargs } from './agent-section.ts';
import { ALGORITHM_NAMES } from './algorithms.ts';
import { engineSection, raySection, samplerSection, torchSection } from './engine-sections.ts';
import { contaminationSection, evalSection } from './evaluation-sections.ts';
import { protocolSection } from './protocol-section.ts';
import { rewardSection } from './reward-section.ts';
import {
  certificateSection,
  gateSection,
  lossSection,
  optimizerSection,
  pretrainSection,
  schemeSection,
  taskSection,
  trainSection,
  trustRegionSection,
} from './sections.ts';

/**
 * If messages may have more tokens than this, `ratio_norm` defaults to `mean`. The clip range is too narrow
 * for the sum of log-ratios over a long message (E26).
 */
const LONG_MESSAGE_TOKENS = 500;

export const agentsField = z
  .array(agentSchema, {
    error: (issue) => `expected a list of agents or their number, got ${show(issue.input)}`,
  })
  .min(1, { error: 'expected at least one agent, got none' })
  .max(64, { error: 'expected at most 64 agents' })
  .describe('The agents of the team: a list, or a number of agents that all start from `base`.');

const fileSchema = z.strictObject({
  name: text().default('team').describe('Name of the team in reports.'),
  seed: integer({ min: 0 })
    .default(1)
    .describe('Seed of all random draws of the run; a generated task has its own seed for its problems.'),
  algorithm: choice(ALGORITHM_NAMES)
    .default('sat')
    .describe('Selects a table of settings, which the fields of this file override; see Algorithms.'),
  base: text('a model folder')
    .optional()
    .describe(
      'Model folder or GGUF file of all agents without `model`, relative to this file, or a model on the Hugging Face hub: hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf.',
    ),
  agents: agentsField,
  instruction: text().optional().describe('System message of all agents. Default: none.'),
  examples: examplesSchema(
    'Few-shot examples: solved prompts {prompt, answer} that every agent sees as earlier chat turns. They show the form of an answer to a model that does not follow instructions well. Default: none.',
  ).optional(),
  chat_template: chatTemplate(
    "Chat template of all agents, instead of their models' own: a Jinja file, relative to this file; the text of a Jinja template; or plain, a format for base models, which have none (docs/checkpoints.md).",
  ),
  chat_template_kwargs: templateKwargs(
    'Variables for the chat templates of all agents, such as {enable_thinking: false}. Default: none.',
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

/** Protocols in which the message of every agent is an answer. */
const AGENTS_ANSWER: ReadonlySet<string> = new Set(['vote', 'debate', 'parts']);

type FileConfig = z.output<typeof fileSchema>;

/** Schema of a team file; its output contains all defaults. */
export const configSchema = fileSchema.superRefine(rejectInvalid).transform(fillIn);

/** A resolved configuration. Keys are spelled as in the team file. */
export type Config = z.output<typeof configSchema>;

/** A team file before defaults are filled in: keys with a default are optional. */
export type TeamFile = Omit<z.input<typeof fileSchema>, 'agents'> & {
  /** A list of agents, or their number if all start from `base`. */
  agents: z.input<typeof agentsField> | number;
};

/** Top-level keys without subkeys. They can be given as flags without a dot: `--seed 3`. */
export const PLAIN_KEYS = ['name', 'seed', 'algorithm', 'base', 'agents', 'chat_template'] as const;

/**
 * Fills in defaults that depend on other fields. Keys keep the order of the schema, so that a resolved file
 * resolves to itself.
 */
function fillIn(config: FileConfig) {
  const { name = '', module, ...options } = config.task;
  // the name may be empty for a task module; `resolve.ts` then derives it from the module's absolute path
  const task: FileConfig['task'] & { readonly name: string } = {
    name,
    ...(module === undefined ? {} : { module }),
    ...options,
  };
  const { kind, threads, spinning, token_budget, decode_batch, lora_rank, lora_alpha, ...engine } =
    config.engine;
  const alpha = lora_alpha ?? (lora_rank > 0 ? 2 * lora_rank : undefined);
  const { stages, rollout_mode, order, ...train } = config.train;
  const { epsilon, epsilon_high, dual_clip, ratio_norm, ...loss } = config.loss;
  const isLong = train.max_completion_length > LONG_MESSAGE_TOKENS;
  return {
    ...config,
    agents: config.agents.map(({ name, model, ...agent }, id) => ({
      name: name ?? `agent_${id}`,
      model: model ?? (config.base as string), // `rejectInvalid` checked that one of them is set
      ...(config.instruction === undefined ? {} : { instruction: config.instruction }),
      ...(config.examples === undefined ? {} : { examples: config.examples }),
      ...agent,
    })),
    engine: {
      ...{ kind, threads, spinning, token_budget, decode_batch, lora_rank },
      ...(alpha === undefined ? {} : { lora_alpha: alpha }),
      ...engine,
    },
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

function rejectInvalid(config: FileConfig, context: z.RefinementCtx): void {
  const reject = (path: readonly (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path: [...path], message });
  if (config.task.name === undefined && config.task.module === undefined)
    reject(
      ['task', 'name'],
      'expected the name of a task, got nothing; set module instead for your own task',
    );
  rejectAgents(config, reject);
  rejectSlack(config, reject);
  rejectScheme(config, reject);
  rejectEstimator(config, reject);
  rejectEngine(config, reject);
  const { pretrain, protocol, reward } = config;
  if (reward.agent > 0 && protocol.kind !== 'module' && !AGENTS_ANSWER.has(protocol.kind))
    reject(
      ['reward', 'agent'],
      `expected 0 with protocol ${protocol.kind}, in which single agents give no answers, got ${reward.agent}`,
    );
  const { max_completion_length } = config.train;
  if (reward.overlong_buffer_len > max_completion_length)
    reject(
      ['reward', 'overlong_buffer_len'],
      `expected at most train.max_completion_length = ${max_completion_length}, got ${reward.overlong_buffer_len}`,
    );
  if (pretrain.hidden_size % pretrain.heads !== 0 || (pretrain.hidden_size / pretrain.heads) % 2 !== 0)
    reject(
      ['pretrain', 'heads'],
      `expected heads of an even width (hidden_size / heads), got ${pretrain.hidden_size} / ${pretrain.heads}`,
    );
  if (pretrain.heads % pretrain.kv_heads !== 0)
    reject(
      ['pretrain', 'kv_heads'],
      `expected a divisor of heads = ${pretrain.heads}, got ${pretrain.kv_heads}`,
    );
}

type Reject = (path: readonly (string | number)[], message: string) => void;

function rejectAgents({ agents, base }: FileConfig, reject: Reject): void {
  const names = new Map<string, number>();
  // one problem instead of one per agent, because all of them have the same remedy
  const hasNoModel = base === undefined && agents.every(({ model }) => model === undefined);
  if (hasNoModel && agents.length > 0)
    reject(['base'], 'expected a model folder for all agents, got nothing; or set model for every agent');
  agents.forEach((agent, id) => {
    if (agent.model === undefined && base === undefined && !hasNoModel)
      reject(['agents', id], 'expected a model folder, got nothing; set model here, or base for all agents');
    const name = agent.name ?? `agent_${id}`;
    const other = names.get(name);
    if (other !== undefined)
      reject(['agents', id, 'name'], `expected a unique name, got "${name}", the name of agent ${other}`);
    names.set(name, id);
  });
}

/**
 * Rejects options of the stage loop that exclude each other, and teams that the algorithm does not support.
 */
function rejectScheme(
  { algorithm, agents, protocol, scheme, train, gate }: FileConfig,
  reject: Reject,
): void {
  if (algorithm === 'single' && agents.length !== 1)
    reject(['algorithm'], `expected one agent with algorithm single, got ${agents.length}`);
  if (scheme.credit === 'own' && protocol.kind !== 'module' && !AGENTS_ANSWER.has(protocol.kind))
    reject(
      ['scheme', 'credit'],
      `expected team with protocol ${protocol.kind}, in which single agents give no answers, got own`,
    );
  if (scheme.credit === 'own' && train.rollout_mode === 'reuse')
    reject(
      ['scheme', 'credit'],
      'expected team with rollout_mode reuse, in which all agents learn from one batch of the team, got own',
    );
  if (scheme.update_schedule === 'simultaneous' && gate.kind === 'step')
    reject(
      ['scheme', 'update_schedule'],
      'expected sequential with gate.kind step, which tests updates one after the other, got simultaneous',
    );
}

/** Rejects estimators that are not implemented, and settings that would invalidate statistical bounds. */
function rejectEstimator({ scheme, engine, certificate }: FileConfig, reject: Reject): void {
  const { estimator, gamma, lam, order_split } = scheme;
  if (estimator !== 'group')
    reject(
      ['scheme', 'estimator'],
      `expected group with engine ${engine.kind}, whose models have no value head for a critic, got ${estimator}`,
    );
  if (gamma < 1)
    reject(
      ['scheme', 'gamma'],
      `expected 1 with estimator group, whose advantage is that of a reward at the end of an undiscounted episode, got ${gamma}`,
    );
  if (lam < 1)
    reject(
      ['scheme', 'lam'],
      `expected 1 with the ratio of a whole sequence, with which a smaller lam gives later turns up to 1/(1 - lam) times the weight, got ${lam}`,
    );
  if (order_split === 'validation')
    reject(
      ['scheme', 'order_split'],
      'expected train: an order chosen on validation prompts would void acceptance tests and certificates, got validation',
    );
  if (certificate.prompts === 1)
    reject(['certificate', 'prompts'], 'expected 0, or at least 2 for a variance, got 1');
}

/** Rejects settings that belong to another engine than the selected one. */
function rejectEngine({ engine, torch, ray, sampler }: FileConfig, reject: Reject): void {
  const { kind, spinning, base_dtype } = engine;
  for (const [name, section] of Object.entries({ torch, ray }))
    if (kind !== name && section !== undefined)
      reject([name], `expected nothing with engine.kind ${kind}, got a section; set engine.kind to ${name}`);
  if (kind === 'onnx' && sampler !== undefined)
    reject(
      ['sampler'],
      'expected nothing with engine.kind onnx, which samples itself, got a section; set engine.kind to torch or ray',
    );
  const ranks = Math.max(ray?.gpus_per_agent ?? 0, ray?.ranks_per_agent ?? 0);
  if (sampler?.kind === 'vllm' && ranks > 1)
    reject(
      ['sampler', 'kind'],
      `expected auto or torch for agents over ${ranks} ranks, got vllm, which supports one rank per agent`,
    );
  if (kind !== 'onnx' && spinning)
    reject(['engine', 'spinning'], `expected false with kind ${kind}, whose threads are PyTorch's, got true`);
  if (kind !== 'onnx' && base_dtype !== 'auto')
    reject(
      ['engine', 'base_dtype'],
      `expected auto with kind ${kind}, whose base weights have the type ${kind}.dtype, got ${base_dtype}`,
    );
  if (ray !== undefined) rejectRay(ray, reject);
  if (torch?.address === undefined) return;
  for (const key of ['python', 'device'] as const)
    if (torch[key] !== undefined)
      reject(
        ['torch', key],
        `expected nothing together with address, whose worker has its own, got ${torch[key]}`,
      );
}

/** Rejects invalid resource requests and addresses in the section `ray`. */
function rejectRay(ray: NonNullable<FileConfig['ray']>, reject: Reject): void {
  const { address, gpus_per_agent, ranks_per_agent, cpus_per_agent } = ray;
  if (gpus_per_agent > 1 && !Number.isInteger(gpus_per_agent))
    reject(['ray', 'gpus_per_agent'], `expected a whole number above 1, got ${gpus_per_agent}`);
  if (gpus_per_agent > 0 && ranks_per_agent > 0 && ranks_per_agent !== Math.max(1, gpus_per_agent))
    reject(
      ['ray', 'ranks_per_agent'],
      `expected one for each of ${gpus_per_agent} GPUs, got ${ranks_per_agent}; omit it`,
    );
  if (ranks_per_agent > 1 && gpus_per_agent === 0 && cpus_per_agent === 0)
    reject(['ray', 'cpus_per_agent'], `expected more than 0 for ${ranks_per_agent} ranks, got 0`);
  if (address.startsWith('http') && ray.python !== undefined)
    reject(
      ['ray', 'python'],
      `expected nothing together with ${address}, whose driver has its own Python, got ${ray.python}`,
    );
  if (address === 'local') return;
  for (const key of ['num_cpus', 'num_gpus', 'object_store_mib', 'temp_dir'] as const)
    if (ray[key] !== undefined)
      reject(
        ['ray', key],
        `expected nothing with an existing cluster, got ${ray[key]}; set address to local`,
      );
}

/**
 * Rejects confidence bounds on the KL quantile if a batch has too few independent trajectories for them (E33,
 * E34).
 */
function rejectSlack({ train, trust_region }: FileConfig, reject: Reject): void {
  const { slack, slack_confidence: eta, quantile } = trust_region;
  if (slack === 'none') return;
  const needed =
    slack === 'dkw'
      ? Math.ceil(Math.log(1 / eta) / (2 * (1 - quantile) ** 2))
      : Math.ceil(Math.log(eta) / Math.log(quantile));
  const trajectories = train.prompts_per_step * train.num_generations;
  if (trajectories >= needed) return;
  const formula = slack === 'dkw' ? 'ln(1/eta) / (2 alpha^2)' : 'ln(eta) / ln(1 - alpha)';
  reject(
    ['trust_region', 'slack'],
    `expected at least ${needed} trajectories per step for ${slack} (${formula}), got ${trajectories} = prompts_per_step x num_generations; raise one of them, lower quantile, or use ${slack === 'dkw' ? 'binom' : 'none'}`,
  );
}
