/**
 * Lists the tasks, verifiers and benchmarks of this package, and checks the task of a team file.
 * @module
 */
import { existsSync } from 'node:fs';
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { VERIFIER_ABOUT } from '../grade/verifier.ts';
import { isHubReference } from '../support/model-reference.ts';
import type { TaskCatalogue } from '../task/catalogue.ts';
import { checkTask, type TaskCheck } from '../task/check-task.ts';
import { BENCHMARKS } from '../tasks/benchmarks.ts';
import { loadTaskDefinitions } from '../tasks/registry.ts';
import { type AgentText, checkConversations, modelPath, readAgentTexts } from './compose/agent-text.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { composeEpisodes } from './compose/task.ts';
import { resolveTeam } from './find-team.ts';
import { cachedModelFolder, type DownloadOptions } from './hub-models.ts';
import { splitLengths } from './prompt-lengths.ts';

export async function taskCatalogue(): Promise<TaskCatalogue> {
  const tasks = (await loadTaskDefinitions()).map(({ name, about }) => [name, about] as const);
  const benchmarks = Object.entries(BENCHMARKS).map(([name, { about, items, k }]) => [
    name,
    { about, items, k },
  ]);
  return {
    tasks: Object.fromEntries(tasks),
    verifiers: VERIFIER_ABOUT,
    benchmarks: Object.fromEntries(benchmarks),
  };
}

export interface CheckTaskRequest extends DownloadOptions {
  /** Path of a team file, or a team file as an object. */
  readonly config: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** Number of prompts to check per split. Default: 200. */
  readonly prompts?: number | undefined;
}

/**
 * Checks the prompts, grading and demonstrations of a team's task. @throws ConfigError if the task cannot be
 * created
 */
export async function checkTeamTask(request: CheckTaskRequest): Promise<TaskCheck> {
  const { signal, onEvent, env, prompts = 200 } = request;
  const resolved = readTemplates(resolveTeam(request.config, request.overrides));
  const { task, protocol } = await composeEpisodes(resolved, { signal, onEvent, env });
  const texts = await textsOnThisMachine(resolved, { env });
  if (texts === undefined) return checkTask(task, prompts);
  checkConversations(texts, {
    ...{ task, protocol, agents: resolved.config.agents.length },
    problem: (agent, message) => resolved.problem([{ path: modelPath(resolved, agent), message }]),
  });
  const reserved = resolved.config.train.max_completion_length;
  return { ...checkTask(task, prompts), lengths: splitLengths(texts, { task, protocol, reserved, prompts }) };
}

/** Reads the small files of the agents' models; undefined if a model is not on this machine. Downloads nothing. */
async function textsOnThisMachine(
  resolved: ResolvedConfig,
  options: DownloadOptions,
): Promise<AgentText[] | undefined> {
  const folders: string[] = [];
  for (const { model } of resolved.config.agents) {
    const folder = isHubReference(model) ? await cachedModelFolder(model, options) : model;
    if (folder === undefined || !existsSync(folder)) return undefined;
    folders.push(folder);
  }
  return readAgentTexts(resolved, folders);
}
