/**
 * The one place that names concrete engines, tasks, protocols and sinks, and joins them to what a team
 * file asks for.
 * @module
 */
import { availableParallelism } from 'node:os';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { engineOptions } from '../config/train-options.ts';
import type { Engine, LoadOptions, Model } from '../engine/engine.ts';
import { parameterSpecs, projections } from '../engine/onnx/decoder/parameters.ts';
import { createOnnxEngine, type OnnxEngine, type OnnxEngineOptions } from '../engine/onnx/engine.ts';
import { adapterBaseFolder, isAdapterFolder, readAdapterConfig } from '../engine/onnx/lora/adapter-folder.ts';
import { automaticStorage } from '../engine/onnx/lora/frozen-base.ts';
import { readDecoderConfig } from '../engine/onnx/weights/checkpoint.ts';
import type { TimedModelCall } from '../engine/torch/engine.ts';
import { createJsonLinesSink } from '../observe/json-lines-sink.ts';
import { createTerminalSink } from '../observe/terminal-sink.ts';
import type { GpuModel } from '../plan/gpu.ts';
import { ConfigError, type ConfigIssue } from '../support/errors.ts';
import { loadModel } from '../swap/mixture-engine.ts';
import type { Split, Task } from '../task/task.ts';
import { createTask, type TaskContext } from '../tasks/registry.ts';
import { createProtocol } from '../team/protocols.ts';
import type { Protocol, Team } from '../team/team.ts';
import type { EventSink } from '../train/events.ts';
import { createAnswerer } from './answerer.ts';
import { modelFolder } from './hub-models.ts';
import { requireMoves } from './interactive.ts';

export { TASK_ABOUT } from '../tasks/registry.ts';

/** Beyond this, more threads per operator slow small models down. */
const MOST_THREADS = 8;

/** Messages a mixture that is served decodes together. */
const SERVED_SLOTS = 64;

/** What tasks are given besides their options. */
const TASK_CONTEXT: TaskContext = {
  answerer: (request) => createAnswerer(request, { loadModel: loadServedModel, environment: process.env }),
};

/**
 * Sizes of a model from its config.json alone, and of what a team file trains of it.
 *
 * @throws ConfigError if it is not there, or of an unknown family
 */
export function modelShape(dir: string, config: Config): GpuModel {
  const decoder = readDecoderConfig(dir);
  const { layers, heads, kvHeads, headDim } = decoder;
  const parameters = parameterSpecs(decoder).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const { lora } = embeddedOptions(config);
  const inLayer = Object.values(projections(decoder)).flatMap(({ in: columns, parts }) =>
    parts
      .filter(({ target }) => lora?.targetModules === 'all-linear' || lora?.targetModules?.includes(target))
      .map(({ rows }) => (lora?.r ?? 0) * (columns + rows)),
  );
  return {
    parameters,
    trainedParameters: lora ? layers * inLayer.reduce((sum, size) => sum + size, 0) : parameters,
    attention: layers * heads * headDim,
    cacheBytesPerToken: 4 * layers * kvHeads * headDim,
  };
}

/**
 * Bytes that a base takes in memory under adapters of the embedded engine.
 *
 * @param parameters - how many numbers it has
 * @param dtype - their type on disk
 */
export function frozenBytes({ engine }: Config, parameters: number, dtype: string): number {
  const kept = engine.base_dtype === 'auto' ? automaticStorage(4 * parameters, dtype) : engine.base_dtype;
  return parameters * (kept === 'bfloat16' ? 2 : 4);
}

/**
 * The folder of the whole model behind a model: its own, or the base of an adapter.
 *
 * @throws ConfigError if the base is not there
 */
export function wholeModelFolder(dir: string): string {
  return isAdapterFolder(dir) ? adapterBaseFolder(dir, readAdapterConfig(dir).base) : dir;
}

/** Everything a verb works with, made from one team file. */
export interface Composition {
  readonly resolved: ResolvedConfig;
  readonly config: Config;
  /** Runs the agents; closing it closes `embedded` too. */
  readonly engine: Engine;
  /** Makes base models from scratch, whatever runs them afterwards. */
  readonly embedded: OnnxEngine;
  /** Reads models of the engine, and mixtures of two of them. */
  readonly loadModel: (options: LoadOptions) => Promise<Model>;
  readonly task: Task;
  readonly protocol: Protocol;
}

/**
 * @param onWork - told of what models outside of this process computed, and when
 * @throws ConfigError naming the place in the file of whatever cannot be made
 */
export async function compose(
  resolved: ResolvedConfig,
  onWork?: (work: TimedModelCall) => void,
): Promise<Composition> {
  const { config } = resolved;
  const { threads, ...options } = embeddedOptions(config);
  const task = await composeTask(resolved);
  const protocol = composeProtocol(resolved);
  requireMoves(resolved, task, { protocol, isOwn: true });
  const embedded = createOnnxEngine({
    ...options,
    threads: threads || Math.min(availableParallelism(), MOST_THREADS),
  });
  const engine =
    config.engine.kind === 'onnx' ? embedded : beside(embedded, await composeOther(resolved, onWork));
  return {
    resolved,
    config,
    task,
    protocol,
    engine,
    embedded,
    loadModel: (what) => loadModel(engine, config.engine.decode_batch, what),
  };
}

/** What a team file says of the embedded engine, as the engine takes it. */
function embeddedOptions(config: Config): OnnxEngineOptions & { readonly threads: number } {
  const { loraRank, loraAlpha, loraTargetModules, loraRslora, activationMib, ...options } =
    engineOptions(config);
  const names = loraTargetModules.split(',').map((name) => name.trim());
  const targetModules = loraTargetModules === 'all-linear' ? ('all-linear' as const) : names;
  const lora = { r: loraRank, alpha: loraAlpha, targetModules, rslora: loraRslora };
  return {
    ...options,
    activationBytes: activationMib * 2 ** 20,
    ...(loraRank === 0 ? {} : { lora }),
  };
}

/** An engine on PyTorch, whose code a run of the embedded engine does not load. */
async function composeOther(
  resolved: ResolvedConfig,
  onWork?: (work: TimedModelCall) => void,
): Promise<Engine> {
  const { composeTorch } = await import('./compose-torch.ts');
  const section = resolved.config.engine.kind === 'ray' ? 'ray' : 'torch';
  return placed(resolved, [section, 'address'], () => composeTorch(resolved, onWork));
}

/** An engine that is closed together with the embedded one. */
function beside(embedded: OnnxEngine, engine: Engine): Engine {
  return {
    name: engine.name,
    load: (what) => engine.load(what),
    async close() {
      await engine.close();
      await embedded.close();
    },
  };
}

/**
 * Refuses a split with too few prompts for what is to be measured on it.
 *
 * @throws ConfigError
 */
export function requirePrompts(
  { resolved, task }: Pick<Composition, 'resolved' | 'task'>,
  split: Split,
  { atLeast, purpose }: { readonly atLeast: number; readonly purpose: string },
): void {
  const size = task.size(split) ?? Number.POSITIVE_INFINITY;
  if (size >= atLeast) return;
  throw resolved.problem([
    {
      path: ['task'],
      message: `expected at least ${atLeast} prompt${atLeast === 1 ? '' : 's'} in the ${split} split for ${purpose}, got ${size}; give the task more records`,
    },
  ]);
}

/** The task alone, for what needs no models. @throws ConfigError */
export function composeTask(resolved: ResolvedConfig): Promise<Task> {
  const { name, ...options } = resolved.config.task;
  return placedAsync(resolved, ['task'], () => createTask(name, options, TASK_CONTEXT));
}

/**
 * A task that is not the team's own: one to be measured on.
 *
 * @param section - name and options of the task
 * @param path - where the file asks for it
 * @throws ConfigError
 */
export async function composeOtherTask(
  resolved: ResolvedConfig,
  { name, ...options }: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): Promise<Task> {
  const task = await placedAsync(resolved, path, () => createTask(String(name ?? ''), options, TASK_CONTEXT));
  requireMoves(resolved, task, { protocol: composeProtocol(resolved), isOwn: false });
  return task;
}

function composeProtocol(resolved: ResolvedConfig): Protocol {
  const { kind, ...options } = resolved.config.protocol;
  return placed(resolved, ['protocol'], () => createProtocol(kind, options, resolved.config.agents.length));
}

/**
 * Loads one model per agent.
 *
 * @param folders - of agent 0, 1, ...; default: those of the team file
 * @param load - also read the optimisers' states; whether they will be trained
 * @throws ConfigError naming the agent whose model cannot be used
 */
export async function loadTeam(
  composition: Composition,
  {
    folders,
    ...load
  }: { readonly folders?: readonly string[] } & Pick<LoadOptions, 'optimizer' | 'training'> = {},
): Promise<Team> {
  const { resolved, protocol } = composition;
  const agents = [];
  for (const [id, { name, model: folder, instruction }] of resolved.config.agents.entries()) {
    const stored = folders?.[id];
    const path = folder === resolved.config.base ? ['base'] : ['agents', id, 'model'];
    const model = await placedAsync(resolved, path, async () =>
      composition.loadModel({
        dir: stored ?? (await modelFolder(folder)),
        ...load,
        ...templateSwitches(resolved.config, id),
      }),
    );
    requireRoom(resolved, model, name);
    agents.push({ id, name, model, ...(instruction === undefined ? {} : { instruction }) });
  }
  return { agents, protocol };
}

/** How an agent's chat template is asked to write. */
export function templateSwitches(config: Config, agent: number): Pick<LoadOptions, 'chatTemplateKwargs'> {
  return {
    chatTemplateKwargs: { ...config.chat_template_kwargs, ...config.agents[agent]?.chat_template_kwargs },
  };
}

/** A protocol for so many members; a team that is served may have more than were trained. */
export function composeProtocolFor(
  kind: string,
  options: Readonly<Record<string, unknown>>,
  members: number,
): Protocol {
  return createProtocol(kind, options, members);
}

/** A model that is served beside those of a team file. */
export async function loadServedModel(model: string, threads?: number): Promise<Model> {
  const engine = createOnnxEngine({ threads: threads ?? Math.min(availableParallelism(), MOST_THREADS) });
  return loadModel(engine, SERVED_SLOTS, { dir: await modelFolder(model) });
}

/** Closes a team's models. */
export async function closeTeam(team: Team | undefined): Promise<void> {
  for (const { model } of team?.agents ?? []) await model.close();
}

/** What shows a run as it goes: JSON lines, or a view for people. */
export function composeSink({ json }: { readonly json: boolean }): EventSink {
  return json ? createJsonLinesSink(process.stdout) : createTerminalSink({ stream: process.stdout });
}

function requireRoom(resolved: ResolvedConfig, model: Model, name: string): void {
  const { max_completion_length } = resolved.config.train;
  const { maxContext } = model.capabilities;
  if (max_completion_length < maxContext) return;
  throw resolved.problem([
    {
      path: ['train', 'max_completion_length'],
      message: `expected less than the ${maxContext} tokens of context and message that the model of agent "${name}" can hold, got ${max_completion_length}`,
    },
  ]);
}

/** Runs a factory whose ConfigError knows option names but not where in the file they stand. */
function placed<T>(resolved: ResolvedConfig, path: readonly (string | number)[], make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw placedError(resolved, path, error);
  }
}

async function placedAsync<T>(
  resolved: ResolvedConfig,
  path: readonly (string | number)[],
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make();
  } catch (error) {
    throw placedError(resolved, path, error);
  }
}

function placedError(resolved: ResolvedConfig, path: readonly (string | number)[], error: unknown): unknown {
  // a problem inside another file, such as a line of a task's data, names its own place
  if (!(error instanceof ConfigError) || error.issues.some(({ file }) => file !== undefined)) return error;
  const issues: readonly ConfigIssue[] =
    error.issues.length > 0 ? error.issues : [{ path: '', message: error.message }];
  return resolved.problem(
    issues.map(({ path: option, message, suggestion }) => {
      const hint =
        suggestion === undefined || message.includes('did you mean') ? '' : `; did you mean "${suggestion}"?`;
      return {
        path: [...path, ...(option === '' ? [] : option.split('.'))],
        message: `${message.replace(/^unknown option /, 'unknown key ')}${hint}`,
        isKey: message.startsWith('unknown option '),
      };
    }),
  );
}
