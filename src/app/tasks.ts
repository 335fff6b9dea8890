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
import { answerLengthWarnings } from './answer-lengths.ts';
import { type AgentText, modelPath, readAgentTexts } from './compose/agent-text.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { checkConversations } from './compose/conversations.ts';
import { composeEpisodes } from './compose/task.ts';
import { resolveTeam } from './find-team.ts';
import { cachedModelFolder, type DownloadOptions } from './hub-models.ts';
import { splitLengths } from './prompt-lengths.ts';
import { warnOnce } from './use-case.ts';

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
  const found = await textsOnThisMachine(resolved, { env, onEvent });
  const check = checkTask(task, prompts);
  if ('missing' in found) {
    const missing = `the model ${found.missing} is not on this machine, so the lengths of prompts and answers were not checked`;
    return { ...check, warnings: [...check.warnings, missing] };
  }
  const { texts } = found;
  checkConversations(texts, {
    ...{ task, protocol, agents: resolved.config.agents.length },
    problem: (agent, message) => resolved.problem([{ path: modelPath(resolved, agent), message }]),
  });
  const reserved = resolved.config.train.max_completion_length;
  return {
    ...check,
    warnings: [...check.warnings, ...answerLengthWarnings(texts, { task, protocol, reserved })],
    lengths: splitLengths(texts, { task, protocol, reserved, prompts }),
  };
}

/** Reads the small files of the agents' models, or returns the name of one that is missing. Downloads nothing. */
async function textsOnThisMachine(
  resolved: ResolvedConfig,
  options: DownloadOptions,
): Promise<{ readonly texts: AgentText[] } | { readonly missing: string }> {
  const folders: string[] = [];
  for (const { model } of resolved.config.agents) {
    const folder = isHubReference(model) ? await cachedModelFolder(model, options) : model;
    if (folder === undefined || !existsSync(folder)) return { missing: model };
    folders.push(folder);
  }
  return { texts: await readAgentTexts(resolved, folders, warnOnce(options)) };
}
