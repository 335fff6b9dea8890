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
import {
  type AgentText,
  agentFileCheck,
  chatSettings,
  checkWeights,
  modelPath,
  readAgentTexts,
  requireContextLength,
} from './compose/agent-text.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { locateErrors } from './compose/config-errors.ts';
import { checkConversations } from './compose/conversations.ts';
import { createEngine, type EngineContext, loadModelFolder } from './compose/engine.ts';
import { composeEpisodes } from './compose/task.ts';
import { modelFolder } from './hub-models.ts';
import { checkedPrompts, isBlind } from './tokenizer-coverage.ts';
import { warnOnce } from './use-case.ts';

export type { VerifierName } from '../grade/verifier.ts';
export { type AgentText, agentFileCheck, chatSettings } from './compose/agent-text.ts';
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
export async function compose(requested: ResolvedConfig, context: EngineContext = {}): Promise<Composition> {
  const resolved = readTemplates(requested);
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
    context: { ...context, onWarning },
    loadModel: (options) => loadModelFolder(engine, config.engine.decode_batch, { onWarning, ...options }),
  };
}

export interface LoadTeamOptions extends Pick<LoadOptions, 'optimizer' | 'training'> {
  /** Model folders of agent 0, 1, ...; default: the models that the team file names. */
  readonly folders?: readonly string[] | undefined;
  /** Split whose prompts every tokenizer must be able to represent; it is checked with the models. */
  readonly readable?: Split | undefined;
  /** Whether {@link checkModels} has been called for these folders. Default: it is called. */
  readonly areChecked?: boolean;
}

/**
 * Checks everything about the agents' models that their small files decide: whether they exist, whether their chat
 * templates can express the conversations of the protocol, the lengths of their contexts, and the names and shapes of
 * their tensors. No weights are read.
 *
 * @param options.folders - model folders of agent 0, 1, ...; default: the models that the team file names
 * @param options.readable - split whose prompts every tokenizer must be able to represent; default: no check
 * @throws ConfigError with a position in the team file
 */
export async function checkModels(
  { resolved, task, protocol, context }: Composition,
  { folders, readable }: Pick<LoadTeamOptions, 'folders' | 'readable'> = {},
): Promise<AgentText[]> {
  const dirs: string[] = [];
  for (const [id, { model }] of resolved.config.agents.entries())
    dirs.push(
      folders?.[id] ??
        (await locateErrors(resolved, modelPath(resolved, id), () =>
          modelFolder(model, { ...context, checkFiles: agentFileCheck(resolved, id) }),
        )),
    );
  const texts = await readAgentTexts(resolved, dirs, context.onWarning);
  checkConversations(texts, {
    ...{ task, protocol, agents: dirs.length },
    problem: (agent, message) => resolved.problem([{ path: modelPath(resolved, agent), message }]),
  });
  if (readable !== undefined) requireReadable({ resolved, task }, readable, texts);
  if (resolved.config.engine.kind === 'onnx')
    for (const dir of new Set(dirs))
      await locateErrors(resolved, modelPath(resolved, dirs.indexOf(dir)), () =>
        checkWeights(dir, context.onWarning),
      );
  return texts;
}

/**
 * Loads one model per agent.
 *
 * @throws ConfigError with the name of the agent whose model cannot be used
 */
export async function loadTeam(
  composition: Composition,
  { folders, readable, areChecked = false, ...load }: LoadTeamOptions = {},
): Promise<Team> {
  const { resolved, protocol, context } = composition;
  if (!areChecked) await checkModels(composition, { folders, readable });
  const agents = [];
  for (const [id, { name, model: source, instruction, examples }] of resolved.config.agents.entries()) {
    const model = await locateErrors(resolved, modelPath(resolved, id), async () =>
      composition.loadModel({
        dir: folders?.[id] ?? (await modelFolder(source, context)),
        ...load,
        ...chatSettings(resolved.config, id),
      }),
    );
    requireContextLength(resolved, { ...model.capabilities, name: `agent "${name}"` });
    agents.push({ id, name, model, ...(instruction && { instruction }), ...(examples && { examples }) });
  }
  return { agents, protocol };
}

/** @throws ConfigError if a tokenizer has a token for no character of the split's first prompts */
function requireReadable(
  { resolved, task }: Pick<Composition, 'resolved' | 'task'>,
  split: Split,
  texts: readonly AgentText[],
): void {
  const prompts = checkedPrompts(task, split);
  const blind = texts.find(({ tokenizer }) => isBlind(tokenizer, prompts));
  if (blind === undefined) return;
  const message = `expected a model whose tokenizer has tokens for the prompts of task ${task.name}, got one that encodes every character of ${JSON.stringify(prompts[0])} as unknown for agent "${blind.name}"; use another model`;
  throw resolved.problem([{ path: modelPath(resolved, blind.id), message }]);
}

/** Closes the models of a team. */
export async function closeTeam(team: Team | undefined): Promise<void> {
  for (const { model } of team?.agents ?? []) await model.close();
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
