/**
 * The output of `troupe tasks`: the catalogue of tasks, verifiers and benchmarks, and the check of one task.
 * @module
 */

import { composeTask, TASK_ABOUT } from '../app/compose.ts';
import { VERIFIER_ABOUT } from '../app/compose-verifier.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { SPLITS } from '../task/split.ts';
import type { Task, TaskItem } from '../task/task.ts';
import { BENCHMARKS } from '../tasks/benchmarks.ts';
import { plural } from './format.ts';
import { textTable } from './text-table.ts';

/** The catalogue: tasks, verifiers and benchmarks, one line each. */
export function catalogue({ json }: { readonly json: boolean }): string {
  const benchmarks = Object.fromEntries(
    Object.entries(BENCHMARKS).map(([name, { about, items, k }]) => [name, { about, items, k }]),
  );
  if (json) return `${JSON.stringify({ tasks: TASK_ABOUT, verifiers: VERIFIER_ABOUT, benchmarks })}\n`;
  const block = (title: string, rows: readonly (readonly [string, string])[]): string =>
    `${title}\n${textTable(rows.map(([name, about]) => [`  ${name}`, about]))}\n`;
  return [
    block('tasks (task.name; options in docs/tasks.md)', [
      ...Object.entries(TASK_ABOUT),
      ['(your own)', 'one TypeScript module: task.module, started by "troupe tasks init NAME"'],
    ]),
    block('verifiers (task.verifier of jsonl)', Object.entries(VERIFIER_ABOUT)),
    block(
      'benchmarks (troupe eval TEAM --benchmark NAME,... --data FOLDER)',
      Object.entries(benchmarks).map(([name, { about, items, k }]) => [
        name,
        `${about}; ${items} items, K = ${k}`,
      ]),
    ),
  ].join('\n');
}

/** Formats of a gold answer that a model may write; the verifier must accept one of them. */
const ANSWER_FORMATS: readonly ((gold: string) => string)[] = [
  (gold) => gold,
  (gold) => `#${gold}`,
  (gold) => `\\boxed{${gold}}`,
  (gold) => `#### ${gold}`,
];

interface Checked {
  readonly text: string;
  /** Number of problems. */
  readonly problems: number;
}

/**
 * Reports the size and the first prompt of each split, and checks that the verifier accepts every gold answer
 * and rejects an empty text.
 *
 * @param prompts - number of checked prompts per split
 * @throws ConfigError if the task cannot be created
 */
export async function checkTask(resolved: ResolvedConfig, prompts: number): Promise<Checked> {
  const task = await composeTask(resolved);
  const lines: string[] = [`task ${task.name}`, ''];
  const problems: string[] = [];
  for (const split of SPLITS) {
    const size = task.size(split);
    const items = Array.from({ length: Math.min(prompts, size ?? prompts) }, (_, i) => task.item(split, i));
    lines.push(`${split.padEnd(8)} ${size === undefined ? 'endless' : plural(size, 'prompt')}`);
    const [first] = items;
    if (first !== undefined) lines.push(`  ${JSON.stringify(first.prompt)}${goldText(first)}`);
    problems.push(...items.flatMap((item) => problemsOf(task, item)));
  }
  lines.push('', ...(task.warnings ?? []).map((warning) => `warning: ${warning}`));
  lines.push(...problems.slice(0, 20));
  if (problems.length > 20) lines.push(`... and ${problems.length - 20} more`);
  lines.push(
    problems.length === 0
      ? 'gold answers are accepted, an empty text is not'
      : `${plural(problems.length, 'problem')} found`,
  );
  return {
    text: `${lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n')}\n`,
    problems: problems.length,
  };
}

function goldText({ answer }: TaskItem): string {
  return answer === undefined ? '' : `  gold ${JSON.stringify(answer)}`;
}

function problemsOf(task: Task, item: TaskItem): string[] {
  const found: string[] = [];
  const isAccepted = (text: string): boolean => {
    try {
      return task.verify(item, text).correct;
    } catch (error) {
      found.push(`${item.id}: the verifier failed on ${JSON.stringify(text.slice(0, 40))}: ${String(error)}`);
      return false;
    }
  };
  const { answer } = item;
  if (answer !== undefined && !ANSWER_FORMATS.some((format) => isAccepted(format(answer))))
    found.push(`${item.id}: expected its gold answer ${JSON.stringify(answer)} to be accepted, it is not`);
  if (isAccepted('')) found.push(`${item.id}: expected an empty text to be wrong, it is right`);
  return [...new Set(found)];
}
