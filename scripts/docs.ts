/**
 * `npm run docs`: writes the documentation that is generated from the schemas: `docs/config.md`,
 * `docs/schema.json`, the option tables of `docs/tasks/` and the list of tasks in `docs/tasks.md`. Tests fail
 * if these files are not current.
 * @module
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configMarkdown, configSchemaFile } from '../src/config/docs.ts';
import { writeFileAtomic } from '../src/support/atomic-file.ts';
import type { TaskDefinition } from '../src/task/definition.ts';
import { withOptionTable, withTaskList } from '../src/tasks/docs.ts';
import { loadTaskDefinitions } from '../src/tasks/registry.ts';

const pathOf = (name: string): string => fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
const read = (name: string): string => readFileSync(pathOf(name), 'utf8');

const definitions = await loadTaskDefinitions();
const files: readonly (readonly [name: string, text: string])[] = [
  ['config.md', configMarkdown()],
  ['schema.json', configSchemaFile()],
  ['tasks.md', withTaskList(read('tasks.md'), definitions)],
  ...definitions.map((definition) => [`tasks/${definition.name}.md`, taskPage(definition)] as const),
];
for (const [name, text] of files) writeFileAtomic(pathOf(name), text);

/** The page of a task with its current option table. */
function taskPage(definition: TaskDefinition): string {
  try {
    return withOptionTable(read(`tasks/${definition.name}.md`), definition);
  } catch (error) {
    return fail((error as Error).message); // no file, or a page without markers
  }
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
