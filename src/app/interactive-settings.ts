/**
 * Refuses settings of a team file that cannot be used with an interactive task, before any model is loaded.
 * @module
 */
import type { PlacelessIssue } from '../config/issues.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Task } from '../task/task.ts';
import type { Protocol } from '../team/team.ts';

/**
 * @param setting.isOwn - whether this is the team's own task; false: a task on which the team is only
 *   evaluated
 * @throws ConfigError with every key that cannot be used with an interactive task
 */
export function requireInteractiveSettings(
  { config, problem }: ResolvedConfig,
  task: Task,
  setting: { readonly protocol: Protocol; readonly isOwn: boolean },
): void {
  if (task.environment === undefined) return;
  const { protocol, reward } = config;
  const { name, moves } = setting.protocol;
  const problems: PlacelessIssue[] = [];
  if (moves === undefined)
    problems.push({
      path: ['protocol', 'kind'],
      message: `expected relay, router or vote with the interactive task ${task.name}, got ${name}, which sends no message to the environment between turns`,
    });
  if (!setting.isOwn) {
    if (problems.length > 0) throw problem(problems);
    return;
  }
  const limit = protocol.kind === 'relay' ? 'rounds' : 'turns';
  if ((protocol.kind === 'relay' && protocol.rounds !== 1) || (protocol.kind === 'router' && protocol.turns))
    problems.push({
      path: ['protocol', limit],
      message: `expected no ${limit} with the interactive task ${task.name}, which sets the length of its episodes itself; leave it out`,
    });
  if (reward.agent > 0)
    problems.push({
      path: ['reward', 'agent'],
      message: `expected 0 with the interactive task ${task.name}, whose messages are moves and not answers, got ${reward.agent}`,
    });
  if (problems.length > 0) throw problem(problems);
}
