/**
 * Keeps evaluation problems out of training: looks through a task's train and validation prompts before a run
 * starts, and refuses or drops those that occur in the evaluation sets of the team file.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { type Contaminated, contaminatedPrompts, withoutContaminated } from '../task/clean-task.ts';
import { ContaminationIndex } from '../task/contamination.ts';
import type { Task } from '../task/task.ts';
import { planBenchmarks } from './benchmark-tasks.ts';

/** Prompts looked at of a set or a split that never runs out. */
const ENDLESS = 5000;
/** Prompts named in a refusal. */
const NAMED = 5;

/**
 * The task as it may be trained on.
 *
 * @throws ConfigError naming prompts and the items they are, with `contamination.action: refuse`
 */
export async function cleanTask(resolved: ResolvedConfig, task: Task): Promise<Task> {
  const { contamination, eval: evaluation } = resolved.config;
  const sets = contamination.sets ?? evaluation.benchmarks;
  if (contamination.action === 'off' || sets.length === 0) return task;
  const planned = await planBenchmarks(resolved, sets);
  const index = new ContaminationIndex(
    planned.map(({ name, task: set, split }) => ({
      name,
      items: Array.from({ length: set.size(split) ?? ENDLESS }, (_, i) => set.item(split, i)),
    })),
  );
  const found = contaminatedPrompts(task, index, { endless: ENDLESS });
  if (found.length === 0) return task;
  const looked = (['train', 'validation'] as const).reduce(
    (sum, split) => sum + (task.size(split) ?? ENDLESS),
    0,
  );
  const summary = `${found.length} of ${looked} train and validation prompts occur in ${setsOf(found)}`;
  if (contamination.action === 'drop')
    return withoutContaminated(task, index, `left out: ${summary} (${examples(found)})`);
  throw resolved.problem([
    {
      path: ['task'],
      message: `expected prompts that are in no evaluation set, but ${summary}: ${examples(found)}; leave them out by contamination.action: drop`,
    },
  ]);
}

/** `math500 (12), aime2024 (1)` */
function setsOf(found: readonly Contaminated[]): string {
  const counts = new Map<string, number>();
  for (const { match } of found) counts.set(match.set, (counts.get(match.set) ?? 0) + 1);
  return [...counts].map(([set, count]) => `${set} (${count})`).join(', ');
}

function examples(found: readonly Contaminated[]): string {
  const named = found
    .slice(0, NAMED)
    .map(({ item, match }) => `${item.id} is ${match.item} of ${match.set} (${match.likeness})`);
  return [...named, ...(found.length > NAMED ? [`${found.length - NAMED} more`] : [])].join(', ');
}
