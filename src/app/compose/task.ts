/**
 * Creates the task and the protocol that a team file names.
 * @module
 */
import type { ResolvedConfig } from '../../config/resolve.ts';
import type { VerifierName } from '../../grade/verifier.ts';
import type { TaskContext } from '../../task/definition.ts';
import type { Task } from '../../task/task.ts';
import { createTask } from '../../tasks/registry.ts';
import type { Protocol } from '../../team/team.ts';
import { createAnswerer } from '../answerer.ts';
import type { DownloadOptions } from '../hub-models.ts';
import { requireInteractiveSettings } from '../interactive-settings.ts';
import { environmentOf } from '../use-case.ts';
import { locateErrors } from './config-errors.ts';
import { loadServedModel } from './engine.ts';
import { loadProtocol } from './protocol.ts';

/**
 * Creates the team's own task without loading a model. @throws ConfigError with the position in the team file
 */
export function composeTask(resolved: ResolvedConfig, options: DownloadOptions = {}): Promise<Task> {
  const { name, ...section } = resolved.config.task;
  return locateErrors(resolved, ['task'], () => createTask(name, section, taskContext(options)));
}

/**
 * Creates the team's own task and its protocol, and checks that they can be used together.
 *
 * @throws ConfigError with the position in the team file
 */
export async function composeEpisodes(
  resolved: ResolvedConfig,
  options: DownloadOptions = {},
): Promise<{ readonly task: Task; readonly protocol: Protocol }> {
  const task = await composeTask(resolved, options);
  const protocol = await composeProtocol(resolved);
  requireInteractiveSettings(resolved, task, { protocol, isOwn: true });
  return { task, protocol };
}

/** A task other than the team's own, on which the team is evaluated. */
export interface OtherTask {
  /** Name and options of the task. */
  readonly section: Readonly<Record<string, unknown>>;
  /** Path of the section in the team file, for errors. */
  readonly path: readonly (string | number)[];
}

/** @throws ConfigError with the position in the team file */
export async function composeOtherTask(
  resolved: ResolvedConfig,
  { section: { name, ...section }, path }: OtherTask,
  options: DownloadOptions = {},
): Promise<Task> {
  const task = await locateErrors(resolved, path, () =>
    createTask(String(name ?? ''), section, taskContext(options)),
  );
  requireInteractiveSettings(resolved, task, { protocol: await composeProtocol(resolved), isOwn: false });
  return task;
}

/** Creates the team's protocol without its task. @throws ConfigError with the position in the team file */
export async function composeProtocol(resolved: ResolvedConfig): Promise<Protocol> {
  const { config } = resolved;
  const protocol = await locateErrors(resolved, ['protocol'], () =>
    loadProtocol(config.protocol, config.agents.length),
  );
  // the schema checks this condition for built-in protocols; a protocol from a user's module is checked here
  if (config.reward.agent > 0 && protocol.agentsAnswer !== true)
    throw resolved.problem([
      {
        path: ['reward', 'agent'],
        message: `expected 0 with protocol ${protocol.name}, in which single agents give no answers, got ${config.reward.agent}`,
      },
    ]);
  return protocol;
}

/**
 * Returns a function that extracts the answer from a text with a verifier. Used for served teams without a
 * task.
 */
export async function answerReader(verifier: VerifierName): Promise<(text: string) => string | undefined> {
  const { createVerifier } = await import('../../grade/verifier.ts');
  const { answerOf } = createVerifier(verifier, { ignoreCase: false });
  return (text) => answerOf(text);
}

function taskContext(options: DownloadOptions): TaskContext {
  return {
    answerer: (request) =>
      createAnswerer(request, {
        loadModel: (folder) => loadServedModel(folder, undefined, options),
        environment: environmentOf(options),
      }),
  };
}
