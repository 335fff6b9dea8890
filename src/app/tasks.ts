/**
 * Lists the tasks, verifiers and benchmarks of this package, and checks the task of a team file.
 * @module
 */
import type { Override } from '../config/overrides.ts';
import type { TeamFile } from '../config/schema.ts';
import { VERIFIER_ABOUT } from '../grade/verifier.ts';
import type { TaskCatalogue } from '../task/catalogue.ts';
import { checkTask, type TaskCheck } from '../task/check-task.ts';
import { BENCHMARKS } from '../tasks/benchmarks.ts';
import { loadTaskDefinitions } from '../tasks/registry.ts';
import { composeTask } from './compose/task.ts';
import { resolveTeam } from './find-team.ts';
import type { DownloadOptions } from './hub-models.ts';

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
  const { signal, onEvent, env } = request;
  const resolved = resolveTeam(request.config, request.overrides);
  return checkTask(await composeTask(resolved, { signal, onEvent, env }), request.prompts ?? 200);
}
