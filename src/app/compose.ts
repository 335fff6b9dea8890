/**
 * Builds the engine, task, protocol and models of a team from its team file. Only this file and `compose/`
 * name concrete engines and tasks, and they import them on demand.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import type { Engine, LoadOptions, Model } from '../engine/engine.ts';
import type { Split, Task } from '../task/task.ts';
import type { Protocol, Team } from '../team/team.ts';
import { locateErrors } from './compose/config-errors.ts';
import { createEngine, type EngineContext, loadModelFolder } from './compose/engine.ts';
import { composeEpisodes } from './compose/task.ts';
import { modelFolder } from './hub-models.ts';
import { warnOnce } from './use-case.ts';

export type { VerifierName } from '../grade/verifier.ts';
export { loadServedModel } from './compose/engine.ts';
export { answerReader } from './compose/task.ts';

/** Everything that is built from a team file, except the models. */
export interface Composition {
  readonly resolved: ResolvedConfig;
  readonly config: Config;
  /** Engine that loads and runs the agents' models. The caller must close it. */
  readonly engine: Engine;
  /**
   * Loads a model folder. The folder contains one model of the engine, or a mixture of two models. Warnings
   * about its files become events of the use case, each of them once.
   */
  readonly loadModel: (options: LoadOptions) => Promise<Model>;
  readonly task: Task;
  readonly protocol: Protocol;
  /** Options of the use case that loading of models needs. */
  readonly context: EngineContext;
}

/** @throws ConfigError if a part cannot be created, with its position in the team file */
export async function compose(resolved: ResolvedConfig, context: EngineContext = {}): Promise<Composition> {
  const { config } = resolved;
  const { task, protocol } = await composeEpisodes(resolved, context);
  const engine = await createEngine(resolved, context);
  const { onWarning = warnOnce(context) } = context;
  return {
    resolved,
    config,
    task,
    protocol,
    engine,
    context,
    loadModel: (options) => loadModelFolder(engine, config.engine.decode_batch, { onWarning, ...options }),
  };
}

export interface LoadTeamOptions extends Pick<LoadOptions, 'optimizer' | 'training'> {
  /** Model folders of agent 0, 1, ...; default: the models that the team file names. */
  readonly folders?: readonly string[] | undefined;
}

/**
 * Loads one model per agent.
 *
 * @throws ConfigError with the name of the agent whose model cannot be used
 */
export async function loadTeam(
  composition: Composition,
  { folders, ...load }: LoadTeamOptions = {},
): Promise<Team> {
  const { resolved, protocol, context } = composition;
  const agents = [];
  for (const [id, { name, model: source, instruction }] of resolved.config.agents.entries()) {
    const path = source === resolved.config.base ? ['base'] : ['agents', id, 'model'];
    const model = await locateErrors(resolved, path, async () =>
      composition.loadModel({
        dir: folders?.[id] ?? (await modelFolder(source, context)),
        ...load,
        ...chatTemplateOptions(resolved.config, id),
      }),
    );
    requireContextLength(resolved, model, name);
    agents.push({ id, name, model, ...(instruction === undefined ? {} : { instruction }) });
  }
  return { agents, protocol };
}

/** Closes the models of a team. */
export async function closeTeam(team: Team | undefined): Promise<void> {
  for (const { model } of team?.agents ?? []) await model.close();
}

/** Returns the variables of an agent's chat template: those of the team, overridden by those of the agent. */
export function chatTemplateOptions(config: Config, agent: number): Pick<LoadOptions, 'chatTemplateKwargs'> {
  return {
    chatTemplateKwargs: { ...config.chat_template_kwargs, ...config.agents[agent]?.chat_template_kwargs },
  };
}

/** @throws ConfigError if the split has fewer than `atLeast` prompts, which `purpose` needs */
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

function requireContextLength(resolved: ResolvedConfig, model: Model, name: string): void {
  const { max_completion_length } = resolved.config.train;
  const { maxContext } = model.capabilities;
  if (max_completion_length < maxContext) return;
  throw resolved.problem([
    {
      path: ['train', 'max_completion_length'],
      message: `expected fewer than the ${maxContext} tokens of the context window of agent "${name}", which prompt and completion share, got ${max_completion_length}`,
    },
  ]);
}
