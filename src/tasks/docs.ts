/**
 * Generates parts of the documentation of tasks: the option table of every page in `docs/tasks/`, and the
 * list of tasks in `docs/tasks.md`. Only the text between the markers is generated; the rest of a page is
 * written by hand.
 * @module
 */
import { optionTable } from '../schema/option-table.ts';
import type { TaskDefinition } from '../task/definition.ts';

/** Replaces the option table of a task's page. @throws Error if the page lacks the markers */
export function withOptionTable(page: string, { name, options }: TaskDefinition): string {
  return replaceMarked(page, {
    marker: 'options',
    text: optionTable(options),
    where: `docs/tasks/${name}.md`,
  });
}

/** Replaces the list of tasks of `docs/tasks.md`. @throws Error if the page lacks the markers */
export function withTaskList(page: string, definitions: readonly TaskDefinition[]): string {
  const rows = definitions.map(({ name, about }) => `| [${name}](tasks/${name}.md) | ${about} |`);
  const text = ['| `task.name` | |', '|---|---|', ...rows, ''].join('\n');
  return replaceMarked(page, { marker: 'tasks', text, where: 'docs/tasks.md' });
}

function replaceMarked(
  page: string,
  { marker, text, where }: { readonly marker: string; readonly text: string; readonly where: string },
): string {
  const [begin, end] = [`<!-- ${marker}:begin -->\n`, `<!-- ${marker}:end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`${where}: expected the lines ${begin.trim()} and ${end}, got none`);
  return page.slice(0, from + begin.length) + text + page.slice(to);
}
