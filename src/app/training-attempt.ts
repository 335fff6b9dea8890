/**
 * One attempt of a training run: loads the models, trains, evaluates, writes the report. If a worker dies,
 * the attempt fails, and the next attempt resumes the run.
 * @module
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import { trainOptions } from '../config/train-options.ts';
import type { Model } from '../engine/engine.ts';
import { modelExists } from '../gguf/model-path.ts';
import { modelCallRow } from '../observe/model-calls.ts';
import { listCheckpoints } from '../store/checkpoint-folder.ts';
import type { DiskRunStore } from '../store/disk-run-store.ts';
import { CHECKPOINTS } from '../store/layout.ts';
import { checkpointOfModel } from '../store/read-run.ts';
import { createRun, openRun } from '../store/run-folder.ts';
import { isHubReference } from '../support/model-reference.ts';
import { shellPath } from '../support/shell-word.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import type { EventSink, RunEvent } from '../train/events.ts';
import { Interrupted } from '../train/interrupted.ts';
import { checkRun } from '../train/preflight.ts';
import { runTraining } from '../train/run.ts';
import { checkpointName } from '../train/store-port.ts';
import type { EngineContext } from './compose/engine.ts';
import {
  agentFileCheck,
  type Composition,
  chatSettings,
  checkModels,
  closeTeam,
  compose,
  loadTeam,
  requirePrompts,
} from './compose.ts';
import { pinModels } from './hub-models.ts';
import { withLengthChecks } from './length-checks.ts';
import { evaluateOutcome } from './outcome-evaluation.ts';
import { packageVersion } from './package-version.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';
import type { TrainingEvent, TrainingResult } from './training-run.ts';
import type { UseCaseOptions } from './use-case.ts';

export interface AttemptRequest extends Pick<UseCaseOptions, 'signal' | 'env'> {
  readonly resolved: ResolvedConfig;
  /** Run folder. */
  readonly run: string;
  /** Whether to resume the run in the folder. */
  readonly resume: boolean;
  readonly onEvent: (event: TrainingEvent) => void;
  /** Called after the run folder is created or opened; training starts when the returned promise resolves. */
  readonly onOpen: (dir: string) => Promise<void>;
}

/** @throws TroupeError; an existing run folder is then unchanged or can be resumed */
export async function trainAttempt(request: AttemptRequest): Promise<TrainingResult> {
  const closing: (() => unknown)[] = [];
  const modelWarnings = new Set<string>();
  try {
    return await attempt(request, { modelWarnings, defer: (close) => closing.push(close) });
  } catch (error) {
    // warnings about model files can name the cause of an error in loading them
    for (const message of modelWarnings) request.onEvent({ kind: 'warning', stage: 0, message });
    throw error;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

interface AttemptState {
  /** Warnings about model files that were not emitted yet. */
  readonly modelWarnings: Set<string>;
  /** Registers a function that releases a resource; the functions run at the end, in reverse order. */
  readonly defer: (close: () => unknown) => void;
}

async function attempt(
  request: AttemptRequest,
  { modelWarnings, defer }: AttemptState,
): Promise<TrainingResult> {
  const { run, resume, onEvent, signal } = request;
  const work: { store?: DiskRunStore; stage: number } = { stage: 0 };
  const composed = await composeRun(request, {
    onModelCall: (call) => work.store?.recordModelCall(modelCallRow(call, work.stage)),
    onEvent(event) {
      if (event.kind === 'warning') modelWarnings.add(event.message);
      else onEvent(event);
    },
  });
  const { resolved, config, engine } = composed;
  defer(() => engine.close());
  const options = trainOptions(config);
  const settings = { config: resolved.resolvedYaml, keepLast: config.train.save_total_limit };

  if (resume) checkContinuation(resolved, run);
  const opened = resume ? await openRun(run, settings) : undefined;
  if (opened) defer(() => opened.close());
  const start = startingPoint(opened, config.agents.length);
  const composition = { ...composed, task: await checkedTask(composed, start) };
  const { task } = composition;
  const team = await loadTeam(composition, { ...start, training: true, areChecked: true });
  defer(() => closeTeam(team));
  checkRun({ team, task, options });
  const store = opened ?? (await createRun(run, { ...settings, manifest: manifest(team) }));
  if (!opened) defer(() => store.close());
  work.store = store;

  await request.onOpen(store.dir);
  onEvent({ kind: 'run_opened', dir: store.dir });
  const sink: EventSink = {
    emit(event) {
      if ('stage' in event) work.stage = event.stage;
      onEvent(event);
    },
  };
  // warnings are emitted only before the first checkpoint, so that a resumed run does not log them again
  if (store.lastCheckpoint() === undefined)
    for (const event of warningsOf(composition, team, modelWarnings))
      for (const to of [store, sink]) to.emit(event);
  modelWarnings.clear();
  try {
    const outcome = await runTraining({
      team,
      task,
      options,
      store,
      sinks: [sink],
      ...(signal && { signal }),
      loadAgent: agentLoader(composition, team, start),
      evaluate: (reached) => evaluateOutcome(composition, reached, { store, sink, signal }),
    });
    await outcome.champion?.release();
    if (outcome.team !== team) await closeTeam(outcome.team);
  } catch (error) {
    throw error instanceof Interrupted ? withResumeCommand(error, store, run) : error;
  }
  const { writeTrainingReport } = await import('./training-report.ts');
  return writeTrainingReport(store, config);
}

/**
 * Prepares everything that does not need a run folder: the composition of the team, the removal of
 * contaminated prompts, and the pinning of hub models to commits.
 */
async function composeRun(
  { resolved: requested, signal, env }: AttemptRequest,
  listeners: Pick<EngineContext, 'onModelCall' | 'onEvent'>,
): Promise<Composition> {
  const context = { signal, env, ...listeners };
  const composition = await compose(requested, context);
  try {
    const task = await withoutEvaluationPrompts(requested, composition.task, context);
    requirePrompts({ resolved: requested, task }, 'train', { atLeast: 1, purpose: 'training' });
    requirePrompts({ resolved: requested, task }, 'test', { atLeast: 2, purpose: 'the closing comparison' });
    const resolved = await pinModels(composition.resolved, context, (id) =>
      agentFileCheck(composition.resolved, id),
    );
    return { ...composition, task, resolved, config: resolved.config };
  } catch (error) {
    await composition.engine.close();
    throw error;
  }
}

async function withoutEvaluationPrompts(
  resolved: ResolvedConfig,
  task: Task,
  context: EngineContext,
): Promise<Task> {
  const { contamination, eval: evaluation } = resolved.config;
  const sets = contamination.sets ?? evaluation.benchmarks;
  if (contamination.action === 'off' || sets.length === 0) return task;
  const { cleanTask } = await import('./decontaminate.ts');
  return cleanTask(resolved, task, sets, context);
}

/**
 * Checks the small files of the agents' models. Returns the task without prompts that are too long for them.
 *
 * @throws ConfigError before any weights are read
 */
async function checkedTask(composition: Composition, { folders }: Start): Promise<Task> {
  const texts = await checkModels(composition, { folders, readable: 'train' });
  return withLengthChecks(composition, texts);
}

/** Checks the preconditions of a resumed run before its folder is changed. @throws ConfigError */
function checkContinuation(resolved: ResolvedConfig, run: string): void {
  const { agents, train } = resolved.config;
  const done = listCheckpoints(join(run, CHECKPOINTS)).at(-1) ?? 0;
  if (train.stages < done)
    throw resolved.problem([
      {
        path: ['train', 'stages'],
        message: `expected at least ${done}, the stages this run has done, got ${train.stages}`,
      },
    ]);
  requireSameWeights(resolved, join(run, CHECKPOINTS, checkpointName(done)));
  const missing = agents.find(
    ({ model }) => !isHubReference(model) && !modelExists(model) && !isMixtureFolder(model),
  );
  if (missing !== undefined)
    throw resolved.problem([
      {
        path: ['agents', agents.indexOf(missing), 'model'],
        message: `expected the base model of "${missing.name}", which the closing comparison needs, got nothing in ${missing.model}; put it back`,
      },
    ]);
}

/**
 * Rejects an adapter rank for a checkpoint of all weights, e.g. after a change of the run's `config.yaml`: new adapters
 * over the checkpoint would replace the trained models.
 */
function requireSameWeights(resolved: ResolvedConfig, checkpoint: string): void {
  const { agents, engine } = resolved.config;
  if (engine.lora_rank === 0) return;
  const full = agents.findIndex((_, id) => existsSync(join(checkpoint, `agent_${id}`, 'config.json')));
  if (full === -1) return;
  throw resolved.problem([
    {
      path: ['engine', 'lora_rank'],
      message: `expected 0, because this run trains all weights (${join(checkpoint, `agent_${full}`)}), got ${engine.lora_rank}; start a new run to train adapters`,
    },
  ]);
}

/** Collects the warnings about the task's data, the agents' tokenizers and their model folders. */
function warningsOf({ task, config }: Composition, team: Team, modelWarnings: Iterable<string>): RunEvent[] {
  const texts = [...(task.warnings ?? []), ...unreadablePrompts(team, task, 'train')];
  const messages = [
    ...modelWarnings,
    ...texts.map((text) => `task ${task.name}: ${text}`),
    ...temporaryModels(config),
  ];
  return messages.map((message) => ({ kind: 'warning', stage: 0, message }));
}

/** Returns a warning for every run from whose checkpoints models are read, since runs delete old checkpoints. */
function temporaryModels({ agents }: Composition['config']): string[] {
  const sources = agents.flatMap(({ model }) => checkpointOfModel(model) ?? []);
  const warnings = sources.map(
    ({ run, checkpoint }) =>
      `the models in ${checkpoint} of the run ${run} are part of this run; that run deletes the checkpoint if it is resumed and writes newer ones, so copy the folders to another place before you resume it`,
  );
  return [...new Set(warnings)];
}

interface Start {
  /** Model folders of agent 0, 1, ...; absent: the base models that the team file names. */
  readonly folders?: readonly string[];
  readonly optimizer?: boolean;
}

/**
 * Returns the models to start from: the newest checkpoint with its optimizer states, or the base models for a
 * new run.
 */
function startingPoint(store: DiskRunStore | undefined, agents: number): Start {
  const last = store?.lastCheckpoint();
  if (last === undefined) return {};
  return {
    folders: Array.from({ length: agents }, (_, id) => join(last.path, `agent_${id}`)),
    optimizer: true,
  };
}

/**
 * Returns a function that loads an agent's model from a checkpoint. If the team was started with this
 * checkpoint, the first call for it returns the model that is already loaded.
 */
function agentLoader(
  { config, loadModel }: Composition,
  team: Team,
  { folders }: Start,
): (dir: string, agent: number) => Promise<Model> {
  const unused = new Map(team.agents.map(({ id, model }) => [folders?.[id], model]));
  return async (dir, agent) => {
    const loaded = unused.get(dir);
    // a second call for the same folder, e.g. to load the champion (the team to deploy), must load a separate
    // copy of the weights
    unused.delete(dir);
    return loaded ?? loadModel({ dir, optimizer: true, ...chatSettings(config, agent) });
  };
}

function withResumeCommand(error: Interrupted, store: DiskRunStore, run: string): Interrupted {
  const last = store.lastCheckpoint();
  const saved =
    last === undefined ? 'no checkpoint was written yet' : `everything up to ${last.name} is saved`;
  return new Interrupted(`interrupted; ${saved}; go on with: troupe train --resume ${shellPath(run)}`, error);
}

function manifest({ agents }: Team): Record<string, string | number> {
  const samplers = new Set(agents.map(({ model }) => model.capabilities.sampler ?? 'embedded'));
  return {
    troupe: packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    sampler: [...samplers].join(', '),
  };
}
