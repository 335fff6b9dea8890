/**
 * Renders the output of `troupe tasks`: the list of tasks, or the check of one task.
 * @module
 */
import type { TaskCatalogue } from '../task/catalogue.ts';
import type { SplitLengths, TaskCheck } from '../task/check-task.ts';
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
export function renderTaskCheck({ name, splits, warnings, problems, lengths = [] }: TaskCheck): string {
  const lines = [
    `task ${name}`,
    '',
    ...splits.flatMap(({ split, size, first }) => [
      `${split.padEnd(10)} ${size === undefined ? 'endless' : plural(size, 'prompt')}`,
      ...(first === undefined ? [] : [`  ${JSON.stringify(first.prompt)}${goldText(first)}`]),
    ]),
    '',
    ...(lengths.length === 0 ? [] : [lengthsTable(lengths), ...lengths.flatMap(overlongLine), '']),
    ...warnings.map((warning) => `warning: ${warning}`),
    ...problems.slice(0, SHOWN_PROBLEMS),
    ...(problems.length > SHOWN_PROBLEMS ? [`... and ${problems.length - SHOWN_PROBLEMS} more`] : []),
    problems.length === 0
      ? 'gold answers are accepted, an empty text is not'
      : `${plural(problems.length, 'problem')} found`,
  ];
  return `${lines.filter((line, i) => line !== '' || lines[i - 1] !== '').join('\n')}\n`;
}

function lengthsTable(lengths: readonly SplitLengths[]): string {
  return textTable(
    [
      ['tokens of a prompt', 'median', '95%', 'longest', 'limit', 'too long'],
      ...lengths.map(({ split, agents, measured, median, p95, longest, limit, overlong }) => [
        `${split}, ${agents.join(', ')}`,
        String(median),
        String(p95),
        `${longest.tokens} (${longest.item})`,
        String(limit),
        `${overlong} of ${measured}`,
      ]),
    ],
    ['left', 'right', 'right', 'right', 'right', 'right'],
  );
}

/** Returns a warning about prompts that leave too little room for a message; empty if there are none. */
function overlongLine({ split, agents, overlong, limit }: SplitLengths): string[] {
  if (overlong === 0) return [];
  const effect =
    split === 'test' ? 'an evaluation plays them with the room left' : 'training never uses them';
  return [
    `warning: ${plural(overlong, `${split} prompt`)} longer than the ${limit} tokens that max_completion_length leaves in the context of ${agents.join(', ')}; ${effect}`,
  ];
}

function goldText({ answer }: TaskItem): string {
  return answer === undefined ? '' : `  gold ${JSON.stringify(answer)}`;
}
