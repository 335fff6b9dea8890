/**
 * Renders the output of `troupe tasks`: the list of tasks, or the check of one task.
 * @module
 */
import type { TaskCatalogue } from '../task/catalogue.ts';
import type { TaskCheck } from '../task/check-task.ts';
import type { TaskItem } from '../task/task.ts';
import { plural } from './format.ts';
import { textTable } from './text-table.ts';

/** Maximum number of problems that are printed. */
const SHOWN_PROBLEMS = 20;

/** Lists the available tasks, verifiers and benchmarks, one per line. */
export function renderCatalogue({ tasks, verifiers, benchmarks }: TaskCatalogue): string {
  const block = (title: string, rows: readonly (readonly [string, string])[]): string =>
    `${title}\n${textTable(rows.map(([name, about]) => [`  ${name}`, about]))}\n`;
  return [
    block('tasks (task.name; options in docs/tasks/)', [
      ...Object.entries(tasks),
      ['(your own)', 'one TypeScript module: task.module, started by "troupe tasks init NAME"'],
    ]),
    block('verifiers (task.verifier of jsonl)', Object.entries(verifiers)),
    block(
      'benchmarks (troupe eval TEAM --benchmark NAME,... --data FOLDER)',
      Object.entries(benchmarks).map(([name, { about, items, k }]) => [
        name,
        `${about}; ${items} items, K = ${k}`,
      ]),
    ),
  ].join('\n');
}

/** Renders the check of a task: size and first prompt of each split, warnings, and verifier problems. */
export function renderTaskCheck({ name, splits, warnings, problems }: TaskCheck): string {
  const lines = [
    `task ${name}`,
    '',
    ...splits.flatMap(({ split, size, first }) => [
      `${split.padEnd(10)} ${size === undefined ? 'endless' : plural(size, 'prompt')}`,
      ...(first === undefined ? [] : [`  ${JSON.stringify(first.prompt)}${goldText(first)}`]),
    ]),
    '',
    ...warnings.map((warning) => `warning: ${warning}`),
    ...problems.slice(0, SHOWN_PROBLEMS),
    ...(problems.length > SHOWN_PROBLEMS ? [`... and ${problems.length - SHOWN_PROBLEMS} more`] : []),
    problems.length === 0
      ? 'gold answers are accepted, an empty text is not'
      : `${plural(problems.length, 'problem')} found`,
  ];
  return `${lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n')}\n`;
}

function goldText({ answer }: TaskItem): string {
  return answer === undefined ? '' : `  gold ${JSON.stringify(answer)}`;
}
