/**
 * Measures the rates of a team on this machine, for a plan.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { calibrate, type MeasuredAgent } from '../plan/calibrate.ts';
import { type ModelSize, measuredBytes, passBytes } from '../plan/memory.ts';
import type { MachineRates } from '../plan/rates.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import { checkModels, closeTeam, compose, loadTeam } from './compose.ts';
import { withLengthChecks } from './length-checks.ts';
import type { UseCaseOptions } from './use-case.ts';

/** Bytes of a weight of the passes; used to compare the KV cache with the weights. */
const FLOAT32 = 4;

/** Protocols in which all agents have the same task, so that agents with equal weights behave alike. */
const ALIKE: ReadonlySet<string> = new Set(['vote', 'debate']);

export interface MeasuredTeam {
  readonly machine: MachineRates;
  /** The task without prompts that are too long for the models. */
  readonly task: Task;
}

/**
 * Loads the team, measures it and closes it.
 *
 * @throws ConfigError before any weights are read, if training would refuse the models or the prompts
 */
export async function measureTeam(
  resolved: ResolvedConfig,
  models: readonly ModelSize[],
  request: UseCaseOptions & { readonly clock?: (() => number) | undefined },
): Promise<MeasuredTeam> {
  const { signal, onEvent, clock = () => performance.now() / 1000 } = request;
  const startedMs = performance.now();
  const progress = (label: string) => (done: number, total: number) =>
    onEvent?.({ kind: 'progress', label, done, total, elapsedMs: performance.now() - startedMs });
  const composition = await compose(resolved, request);
  const { config } = composition;
  let team: Team | undefined;
  try {
    const texts = await checkModels(composition, { readable: 'train' });
    const task = withLengthChecks(composition, texts);
    for (const message of task.warnings ?? [])
      onEvent?.({ kind: 'warning', message: `task ${task.name}: ${message}` });
    progress('load models')(0, models.length);
    const started = clock();
    team = await loadTeam(composition, { areChecked: true });
    const loadSeconds = clock() - started;
    const steps = Math.ceil(
      (config.train.prompts_per_step * config.train.num_generations) / config.train.minibatch_size,
    );
    const { measured, residentBytes, ...rates } = await calibrate(team, task, {
      seed: config.seed,
      numGenerations: config.train.num_generations,
      temperature: config.train.temperature,
      maxTokens: config.train.max_completion_length,
      agentReward: config.reward.agent,
      truncated: config.train.truncated,
      agents: models.map((model, id) => measuredAgent(config, id, model)),
      decodeBatch: config.engine.decode_batch,
      prefillBudget: config.engine.token_budget,
      episodes: config.train.prompts_per_step * config.train.num_generations,
      needsFull: config.loss.beta > 0 && steps * config.train.num_iterations > 1,
      onProgress: progress('measure'),
      ...{ clock, signal },
    });
    const batches = measured.map(({ agent, batch }) => passBytes(models[agent], batch));
    const ofModels = measuredBytes(
      models,
      measured.map(({ agent }) => agent),
    );
    const processBytes = Math.max(0, residentBytes - ofModels - Math.max(0, ...batches));
    return { machine: { ...rates, loadSeconds, processBytes }, task };
  } finally {
    await closeTeam(team);
    await composition.engine.close();
  }
}

function measuredAgent(config: Config, id: number, model: ModelSize): MeasuredAgent {
  const { model: folder, name: _, ...prompting } = config.agents[id];
  const { parameters, trainedParameters, attention, frozen, passes } = model;
  const isAlike = ALIKE.has(config.protocol.kind);
  return {
    costKey: JSON.stringify([frozen?.folder ?? folder, trainedParameters]),
    policyKey: JSON.stringify([folder, prompting, isAlike ? 'any' : id]),
    budget: Math.min(config.engine.token_budget, passes?.microBatchTokens ?? Number.POSITIVE_INFINITY),
    pairCost: passes?.pairCost,
    pairShare: attention / parameters,
    cacheShare: (passes?.cacheBytesPerToken ?? 0) / (FLOAT32 * parameters),
  };
}
