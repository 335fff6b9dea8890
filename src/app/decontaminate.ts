/**
 * Checks before training that no evaluation problem is in the training data. Compares the task's train and
 * validation prompts with the evaluation sets of the team file. Depending on the team file, matches are an
 * error, or are dropped.
 * @module
 */
import type { BenchmarkEntry } from '../config/evaluation-sections.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { ContaminationIndex } from '../task/contamination.ts';
import { type Contaminated, contaminatedPrompts, withoutContaminated } from '../task/decontaminated-task.ts';
import type { Task } from '../task/task.ts';
import { planBenchmarks } from './benchmark-tasks.ts';
import type { DownloadOptions } from './hub-models.ts';

/** Number of prompts that are compared if an evaluation set or a split is generated and has no end. */
const GENERATED_PROMPTS = 5000;
/** Maximum number of prompts that an error message names. */
const NAMED_PROMPTS = 5;

/**
 * Returns the task without prompts that occur in an evaluation set.
 *
 * @param sets - the evaluation sets of the team file
 * @throws ConfigError if `contamination.action` is `refuse` and prompts match, with the prompts and the
 *   matching items
 */
export async function cleanTask(
  resolved: ResolvedConfig,
  task: Task,
  sets: readonly BenchmarkEntry[],
  options: DownloadOptions = {},
): Promise<Task> {
  const planned = await planBenchmarks(resolved, sets, options);
  const index = new ContaminationIndex(
    planned.map(({ name, task: set, split }) => ({
      name,
      items: Array.from({ length: set.size(split) ?? GENERATED_PROMPTS }, (_, i) => set.item(split, i)),
    })),
  );
  const found = contaminatedPrompts(task, index, { endless: GENERATED_PROMPTS });
  if (found.length === 0) return task;
  const compared = (['train', 'validation'] as const).reduce(
    (sum, split) => sum + (task.size(split) ?? GENERATED_PROMPTS),
    0,
  );
  const summary = `${found.length} of ${compared} train and validation prompts occur in ${setCounts(found)}`;
  if (resolved.config.contamination.action === 'drop')
    return withoutContaminated(task, index, `left out: ${summary} (${examples(found)})`);
  throw resolved.problem([
    {
      path: ['task'],
      message: `expected prompts that are in no evaluation set, but ${summary}: ${examples(found)}; leave them out by contamination.action: drop`,
    },
  ]);
}

/** Formats the number of matches per evaluation set: `math500 (12), aime2024 (1)`. */
function setCounts(found: readonly Contaminated[]): string {
  const counts = new Map<string, number>();
  for (const { match } of found) counts.set(match.set, (counts.get(match.set) ?? 0) + 1);
  return [...counts].map(([set, count]) => `${set} (${count})`).join(', ');
}

function examples(found: readonly Contaminated[]): string {
  const named = found
    .slice(0, NAMED_PROMPTS)
    .map(({ item, match }) => `${item.id} is ${match.item} of ${match.set} (${match.kind})`);
  const rest = found.length - NAMED_PROMPTS;
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
}
