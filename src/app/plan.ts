/**
 * What `troupe plan` does: counts the work of a team file, measures or reads how fast a machine does it, and
 * says what a run will take.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { isAdapterFolder } from '../export/export-agent.ts';
import { ADAPTER_WEIGHTS } from '../export/merged-weights.ts';
import { calibrate } from '../plan/calibrate.ts';
import { type MachineRates, type ModelSize, modelBytes, type Plan, planCost } from '../plan/cost.ts';
import { type WorkloadOptions, workloadOf } from '../plan/workload.ts';
import { count, duration } from '../report/format.ts';
import { textTable } from '../report/text-table.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import { openSafetensors } from '../support/safetensors-reader.ts';
import { openWeightFiles } from '../support/weight-files.ts';
import { closeTeam, compose, frozenBytes, loadTeam, modelShape, wholeModelFolder } from './compose.ts';
import { modelFolder } from './hub-models.ts';
import { listenForInterrupt } from './interrupt.ts';
import { type GpuPlanRequest, planGpu } from './plan-gpu.ts';

export interface PlanRequest {
  /** File of rates to use instead of a calibration. */
  readonly machine?: string;
  /** File to keep measured rates in. */
  readonly saveMachine?: string;
  /** Cards that are not here, instead of this machine. */
  readonly gpu?: GpuPlanRequest | undefined;
  readonly json?: boolean;
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

/** @returns what to print */
export async function planRun(resolved: ResolvedConfig, request: PlanRequest): Promise<string> {
  const { config } = resolved;
  const gpu = request.gpu && (await planGpu(resolved, request.gpu));
  const models = gpu?.models ?? (await modelSizes(config));
  const rates =
    gpu?.rates ??
    (request.machine === undefined ? await measure(resolved, models) : readMachine(request.machine));
  if (request.saveMachine !== undefined)
    writeFileAtomic(request.saveMachine, `${JSON.stringify(rates, null, 2)}\n`);
  const workload = workloadOf(workloadOptions(config), rates.activeShare);
  const promotes = config.gate.kind === 'promotion';
  const plan = planCost(workload, rates, { models, stages: config.train.stages, promotes });
  const rows = [...planRows(plan, config), ...(gpu ? gpu.rows(plan) : [memoryRow(plan)])];
  return request.json ? `${JSON.stringify({ plan, workload, machine: rates })}\n` : `${textTable(rows)}\n`;
}

async function modelSizes(config: Config): Promise<ModelSize[]> {
  const models: ModelSize[] = [];
  for (const { model } of config.agents) models.push(modelSize(await modelFolder(model), config));
  return models;
}

async function measure(resolved: ResolvedConfig, models: readonly ModelSize[]): Promise<MachineRates> {
  const composition = await compose(resolved);
  const { config, task, engine } = composition;
  const interruption = listenForInterrupt('stopping');
  let team: Awaited<ReturnType<typeof loadTeam>> | undefined;
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
      signal: interruption.signal,
    });
    return { ...rates, loadedBytes: modelBytes(models) };
  } finally {
    interruption.release();
    await closeTeam(team);
    await engine.close();
  }
}

/** @throws ConfigError if the file does not hold the rates of a machine */
function readMachine(path: string): MachineRates {
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
  return rates as MachineRates; // every key was looked at
}

/** Sizes from headers and config alone. */
function modelSize(dir: string, config: Config): ModelSize {
  const whole = wholeModelFolder(dir);
  const files = openWeightFiles(whole);
  const parameters = numbersOf(files.tensors);
  const [first] = files.tensors.values();
  files.close();
  const trained = adapterSize(dir, config);
  const bytes = frozenBytes(config, parameters, first?.dtype ?? '');
  const path = join(whole, 'config.json');
  const json = (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}) as Readonly<
    Record<string, unknown>
  >;
  const number = (key: string): number => Number(json[key] ?? 0);
  const width = number('num_attention_heads') * number('head_dim') || number('hidden_size');
  return {
    parameters,
    trainedParameters: trained ?? parameters,
    attention: number('num_hidden_layers') * width,
    ...(trained === undefined ? {} : { frozen: { folder: resolve(whole), bytes } }),
  };
}

/** Numbers of the adapter that is trained: the one there is, or the one that the team file asks for. */
function adapterSize(dir: string, config: Config): number | undefined {
  if (!isAdapterFolder(dir))
    return config.engine.lora_rank === 0 ? undefined : modelShape(dir, config).trainedParameters;
  const file = openSafetensors(join(dir, ADAPTER_WEIGHTS));
  file.close();
  return numbersOf(file.tensors);
}

function numbersOf(tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>): number {
  return [...tensors.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
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

function planRows(plan: Plan, config: Config): (readonly [string, string])[] {
  const { stage, seconds } = plan;
  const time = (value: number): string => duration(1000 * value);
  const phases = Object.entries(stage.phases).map(([phase, value]) => `${phase} ${time(value)}`);
  return [
    ['one stage', `${time(stage.seconds)}: ${phases.join(', ')}`],
    ['', `${count(stage.tokens)} tokens sampled, ${flops(stage.flops)}`],
    ['stages', `${config.train.stages}: ${time(config.train.stages * stage.seconds)}`],
    ['promotion tests', plan.gates === 0 ? 'none' : `${plan.gates}, at most ${time(plan.gateSeconds)} each`],
    ['closing comparison', time(plan.evaluationSeconds)],
    [
      'the run',
      `${time(seconds.least)} to ${time(seconds.most)} (${(seconds.most / 3600).toFixed(2)} h), ${count(plan.tokens)} tokens, ${flops(plan.flops)}`,
    ],
  ];
}

function memoryRow(plan: Plan): readonly [string, string] {
  return ['memory', `${(plan.memoryBytes / 1e9).toFixed(1)} GB`];
}

function flops(value: number): string {
  const [unit, size] = value < 1e15 ? ['TFLOP', 1e12] : ['PFLOP', 1e15];
  return `${(value / (size as number)).toFixed(1)} ${unit}`;
}
