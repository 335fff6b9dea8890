/**
 * Plans a run: counts the operations that a team file requires, measures or reads how fast a machine is, and
 * computes time and memory.
 * @module
 */
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config, TeamFile } from '../config/schema.ts';
import { type Plan, type PlannedRun, planCost } from '../plan/cost.ts';
import type { GpuPlan } from '../plan/gpu.ts';
import type { ModelSize } from '../plan/memory.ts';
import { type MachineRates, ratesOf } from '../plan/rates.ts';
import { type Workload, type WorkloadOptions, workloadOf } from '../plan/workload.ts';
import type { Task } from '../task/task.ts';
import { agentFileCheck, modelPath } from './compose/agent-text.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { locateErrors } from './compose/config-errors.ts';
import { modelSize } from './compose/model-size.ts';
import { composeEpisodes } from './compose/task.ts';
import { requirePrompts } from './compose.ts';
import { resolveTeam } from './find-team.ts';
import { modelFolder } from './hub-models.ts';
import { type GpuPlanRequest, planGpu } from './plan-gpu.ts';
import { readRates, saveRates } from './plan-rates.ts';
import type { UseCaseOptions } from './use-case.ts';

export interface PlanRequest extends UseCaseOptions {
  /** Path of a team file, or a team file as an object. */
  readonly config: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** File with the rates of a machine; replaces the measurement on this machine. */
  readonly machine?: string | undefined;
  /** File to which the rates of the machine are saved. */
  readonly saveMachine?: string | undefined;
  /** GPU whose data sheet replaces the measurement on this machine. */
  readonly gpu?: GpuPlanRequest | undefined;
  /** Clock of the measurement, s. Default: a monotonic clock. */
  readonly clock?: (() => number) | undefined;
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

/** @throws ConfigError if the team file, the file with rates or the GPU cannot be used */
export async function plan(request: PlanRequest): Promise<PlanResult> {
  const resolved = resolveTeam(request.config, request.overrides);
  const { machine, ...facts } =
    request.gpu === undefined
      ? await planMachine(resolved, request)
      : await planGpu(resolved.config, request.gpu, request);
  if (request.saveMachine !== undefined) saveRates(request.saveMachine, machine);
  return planned(resolved.config, machine, facts);
}

interface PlannedFacts {
  readonly models: readonly ModelSize[];
  /** The task; absent in a plan for GPUs, which needs no data. */
  readonly task?: Task;
  readonly gpu?: GpuPlan;
}

/** @throws ConfigError with the position in the team file if training would refuse it */
async function planMachine(
  resolved: ResolvedConfig,
  request: PlanRequest,
): Promise<PlannedFacts & { readonly machine: MachineRates }> {
  const { config } = resolved;
  const episodes = await composeEpisodes(resolved, request);
  const { task } = episodes;
  requirePrompts({ resolved, task }, 'train', { atLeast: 1, purpose: 'training' });
  requirePrompts({ resolved, task }, 'test', { atLeast: 2, purpose: 'the closing comparison' });
  warnAboutValidation(config, task, request);
  const models: ModelSize[] = [];
  const withTemplates = readTemplates(resolved);
  for (const [id, { model }] of config.agents.entries()) {
    const folder = await locateErrors(resolved, modelPath(resolved, id), () =>
      modelFolder(model, { ...request, checkFiles: agentFileCheck(withTemplates, id) }),
    );
    models.push(modelSize(folder, config));
  }
  if (request.machine !== undefined) return { models, task, machine: readRates(request.machine) };
  const { measureTeam } = await import('./plan-measure.ts');
  return { models, ...(await measureTeam(resolved, models, request)) };
}

function planned(config: Config, machine: MachineRates, { models, task, gpu }: PlannedFacts): PlanResult {
  const workload = workloadOf(workloadOptions(config, machine, task), machine.activeShare);
  const { stages } = config.train;
  const run: PlannedRun = {
    ...{ models, stages },
    promotes: config.gate.kind === 'promotion',
    decodeBatch: config.engine.decode_batch,
    tokenBudget: config.engine.token_budget,
    ...(gpu === undefined && { diskBytesPerSecond: DISK_BYTES_PER_SECOND }),
  };
  return { plan: planCost(workload, machine, run), workload, machine, stages, ...(gpu && { gpu }) };
}

/** Warns if no acceptance test can run, as training does. */
function warnAboutValidation({ gate }: Config, task: Task, { onEvent }: PlanRequest): void {
  if (gate.kind === 'off' || task.size('validation') !== 0) return;
  const message = `the validation split of task ${task.name} is empty, so no acceptance test can run and no gain can be proved; give the task more records, or set gate.kind: off`;
  onEvent?.({ kind: 'warning', message });
}

/** Assumed speed of writing checkpoints on this machine, bytes per second. */
const DISK_BYTES_PER_SECOND = 300e6;

/** Protocols whose number of messages per episode follows from the configuration. */
const COUNTED: ReadonlySet<string> = new Set(['vote', 'parts', 'relay', 'debate', 'router']);

function workloadOptions(config: Config, machine: MachineRates, task?: Task): WorkloadOptions {
  const { train, scheme, protocol, gate, loss, certificate, optimizer, trust_region } = config;
  const agents = config.agents.length;
  const turns = protocol.kind === 'router' ? (protocol.turns ?? agents) / agents : 1;
  const isCounted = COUNTED.has(protocol.kind) && task?.environment === undefined;
  const measured =
    config.agents.reduce((sum, _, id) => sum + ratesOf(machine, id).messagesPerEpisode, 0) / agents;
  const promotes = gate.kind === 'promotion';
  return {
    agents,
    protocol: protocol.kind,
    rounds: isCounted ? ('rounds' in protocol ? protocol.rounds : turns) : measured,
    stages: train.stages,
    reuse: train.rollout_mode === 'reuse',
    simultaneous: scheme.update_schedule === 'simultaneous',
    sharedCompanions: train.companions === 'shared',
    alone: scheme.credit === 'own',
    promptsPerStep: train.prompts_per_step,
    numGenerations: train.num_generations,
    numIterations: train.num_iterations,
    minibatchSize: train.minibatch_size,
    klTerm: loss.beta > 0,
    probes: optimizer.adapt_to_radius && trust_region.gate === 'enforce',
    stagePrompts: config.eval.stage_prompts,
    certificatePrompts: certificate.prompts,
    saveSteps: train.save_steps,
    ...(gate.kind === 'off'
      ? {}
      : { gate: { prompts: gate.n_plan, every: promotes ? gate.every : 1 / agents } }),
    evaluation: {
      prompts: config.eval.prompts,
      samples: config.eval.k,
      contestants: { least: 3, most: promotes ? 4 : 3 },
    },
    ...(task && { splits: { validation: usableSize(task), test: task.size('test') } }),
  };
}

/** Number of validation prompts that are not skipped; undefined for a split without end. */
function usableSize(task: Task): number | undefined {
  const size = task.size('validation');
  if (size === undefined || task.isSkipped === undefined) return size;
  let count = 0;
  for (let index = 0; index < size; index++) count += Number(!task.isSkipped('validation', index));
  return count;
}
