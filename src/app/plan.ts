/**
 * Plans a run: counts the operations that a team file requires, measures or reads how fast a machine is, and
 * computes time and memory.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config, TeamFile } from '../config/schema.ts';
import { calibrate } from '../plan/calibrate.ts';
import { type MachineRates, type ModelSize, modelBytes, type Plan, planCost } from '../plan/cost.ts';
import type { GpuPlan } from '../plan/gpu.ts';
import { type Workload, type WorkloadOptions, workloadOf } from '../plan/workload.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import type { Team } from '../team/team.ts';
import { modelSize } from './compose/model-size.ts';
import { closeTeam, compose, loadTeam } from './compose.ts';
import { resolveTeam } from './find-team.ts';
import { modelFolder } from './hub-models.ts';
import { type GpuPlanRequest, planGpu } from './plan-gpu.ts';
import type { LoadEvent, UseCaseOptions } from './use-case.ts';

export interface PlanRequest extends UseCaseOptions<LoadEvent> {
  /** Path of a team file, or a team file as an object. */
  readonly config: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** File with the rates of a machine; replaces the measurement on this machine. */
  readonly machine?: string | undefined;
  /** File to which the rates of the machine are saved. */
  readonly saveMachine?: string | undefined;
  /** GPU whose data sheet replaces the measurement on this machine. */
  readonly gpu?: GpuPlanRequest | undefined;
}

export interface PlanResult {
  readonly plan: Plan;
  readonly workload: Workload;
  readonly machine: MachineRates;
  /** Stages of the run. */
  readonly stages: number;
  /** Assumptions and memory of a plan for a GPU; absent for a plan for this machine. */
  readonly gpu?: GpuPlan;
}

const RATES: readonly (keyof MachineRates)[] = [
  'sampleMessage',
  'forwardToken',
  'backwardToken',
  'fullBackwardToken',
  'divergenceToken',
  'step',
  'messageTokens',
  'sequenceTokens',
  'activeShare',
  'residentBytes',
  'loadedBytes',
];

/** @throws ConfigError if the team file, the file with rates or the GPU cannot be used */
export async function plan(request: PlanRequest): Promise<PlanResult> {
  const resolved = resolveTeam(request.config, request.overrides);
  const { config } = resolved;
  const { models, machine, gpu } =
    request.gpu === undefined
      ? await planMachine(resolved, request)
      : await planGpu(config, request.gpu, request);
  if (request.saveMachine !== undefined)
    writeFileAtomic(request.saveMachine, `${JSON.stringify(machine, null, 2)}\n`);
  const workload = workloadOf(workloadOptions(config), machine.activeShare);
  const { stages } = config.train;
  const promotes = config.gate.kind === 'promotion';
  return {
    plan: planCost(workload, machine, { models, stages, promotes }),
    workload,
    machine,
    stages,
    ...(gpu && { gpu }),
  };
}

interface PlannedMachine {
  readonly models: readonly ModelSize[];
  readonly machine: MachineRates;
  readonly gpu?: GpuPlan;
}

async function planMachine(resolved: ResolvedConfig, request: PlanRequest): Promise<PlannedMachine> {
  const { config } = resolved;
  const models: ModelSize[] = [];
  for (const { model } of config.agents) models.push(modelSize(await modelFolder(model, request), config));
  const machine =
    request.machine === undefined
      ? await measureRates(resolved, models, request)
      : readRates(request.machine);
  return { models, machine };
}

async function measureRates(
  resolved: ResolvedConfig,
  models: readonly ModelSize[],
  { signal, onEvent, env }: PlanRequest,
): Promise<MachineRates> {
  const composition = await compose(resolved, { signal, onEvent, env });
  const { config, task, engine } = composition;
  let team: Team | undefined;
  try {
    team = await loadTeam(composition);
    const rates = await calibrate(team, task, {
      seed: config.seed,
      promptsPerStep: config.train.prompts_per_step,
      numGenerations: config.train.num_generations,
      temperature: config.train.temperature,
      maxTokens: config.train.max_completion_length,
      agentReward: config.reward.agent,
      sharedCompanions: config.train.companions === 'shared' && config.train.rollout_mode === 'fresh',
      tokenBudget: config.engine.token_budget,
      decodeBatch: config.engine.decode_batch,
      ...(signal && { signal }),
    });
    return { ...rates, loadedBytes: modelBytes(models) };
  } finally {
    await closeTeam(team);
    await engine.close();
  }
}

/** Reads the rates of a machine. @throws ConfigError if a rate is missing or invalid */
function readRates(path: string): MachineRates {
  let rates: Partial<Record<keyof MachineRates, unknown>>;
  try {
    rates = JSON.parse(readFileSync(path, 'utf8')) as typeof rates;
  } catch (cause) {
    throw new ConfigError(`${path}: expected a file that --save-machine wrote, got none that can be read`, {
      cause,
    });
  }
  const wrong = RATES.find((key) => typeof rates[key] !== 'number' || !((rates[key] as number) >= 0));
  if (wrong !== undefined)
    throw new ConfigError(`${path} ${wrong}: expected a number >= 0, got ${JSON.stringify(rates[wrong])}`);
  return rates as MachineRates; // every key was checked
}

function workloadOptions(config: Config): WorkloadOptions {
  const { train, scheme, protocol, gate, loss, certificate } = config;
  const agents = config.agents.length;
  const turns = protocol.kind === 'router' ? (protocol.turns ?? agents) / agents : 1;
  const promotes = gate.kind === 'promotion';
  return {
    agents,
    protocol: protocol.kind,
    rounds: 'rounds' in protocol ? protocol.rounds : turns,
    stages: train.stages,
    reuse: train.rollout_mode === 'reuse',
    sharedCompanions: train.companions === 'shared',
    alone: scheme.credit === 'own',
    promptsPerStep: train.prompts_per_step,
    numGenerations: train.num_generations,
    numIterations: train.num_iterations,
    minibatchSize: train.minibatch_size,
    klTerm: loss.beta > 0,
    stagePrompts: config.eval.stage_prompts,
    certificatePrompts: certificate.prompts,
    ...(gate.kind === 'off'
      ? {}
      : { gate: { prompts: gate.n_plan, every: promotes ? gate.every : 1 / agents } }),
    evaluation: { prompts: config.eval.prompts, samples: config.eval.k, contestants: promotes ? 4 : 3 },
  };
}
