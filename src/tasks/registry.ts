/**
 * The registry of tasks. To add a task:
 *
 * 1. create `src/tasks/NAME/NAME.ts` with `defineTask({ name, about, options, create })`, and a test beside it;
 * 2. add one line to `DEFINITIONS` below;
 * 3. create `docs/tasks/NAME.md` and run `npm run docs`, which fills in its option table.
 *
 * A definition is loaded when its task is created, so a run loads the code of its own task only.
 * @module
 */
import { ConfigError, TaskError } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import { parseTaskOptions, type TaskContext, type TaskDefinition } from '../task/definition.ts';
import { SPLITS } from '../task/split.ts';
import type { Split, Task } from '../task/task.ts';

type Options = Readonly<Record<string, unknown>>;

const DEFINITIONS: Readonly<Record<string, () => Promise<TaskDefinition>>> = {
  'arbench-dc': async () => (await import('./arbench/detective-cases.ts')).detectiveCases,
  'arbench-gn': async () => (await import('./arbench/guessing-numbers.ts')).guessingNumbers,
  'arbench-sp': async () => (await import('./arbench/situation-puzzles.ts')).situationPuzzles,
  arithmetic: async () => (await import('./arithmetic/arithmetic.ts')).arithmetic,
  autologi: async () => (await import('./autologi/autologi.ts')).autologi,
  blocksworld: async () => (await import('./blocksworld/blocksworld.ts')).blocksworld,
  countdown: async () => (await import('./countdown/countdown.ts')).countdown,
  digits: async () => (await import('./digits/digits.ts')).digits,
  'guess-number': async () => (await import('./guess-number/guess-number.ts')).guessNumber,
  jsonl: async () => (await import('./jsonl/jsonl.ts')).jsonl,
  logistics: async () => (await import('./logistics/logistics.ts')).logistics,
  planbench: async () => (await import('./planbench/planbench.ts')).planbench,
  zebra: async () => (await import('./zebra/zebra.ts')).zebra,
  zebralogic: async () => (await import('./zebra/zebralogic.ts')).zebralogic,
};

export const taskNames: readonly string[] = Object.keys(DEFINITIONS);

/**
 * Loads all definitions, in alphabetical order. `troupe tasks` and the generated documentation need all of
 * them.
 */
export function loadTaskDefinitions(): Promise<TaskDefinition[]> {
  return Promise.all(Object.values(DEFINITIONS).map((load) => load()));
}

/**
 * Creates a task by name.
 *
 * @param name - a name of the registry; with the option `module`, any name, which reports then show
 * @param options - options with snake_case keys, as in the section `task` of a team file (`docs/tasks/`). The
 *   option `module` is the path of a TypeScript module that defines the task
 * @throws ConfigError for an unknown task, unknown or invalid options, unusable files, or options for which a
 *   split of an endless task has no problems
 *
 * @example
 * (await createTask('arithmetic', { operands: 2 })).item('train', 0).prompt.endsWith('='); // => true
 */
export async function createTask(
  name: string,
  options: Options = {},
  context: TaskContext = {},
): Promise<Task> {
  if (options.module !== undefined) {
    const { createModuleTask } = await import('./module/module.ts');
    return withProblems(await createModuleTask(name, options));
  }
  if (!Object.hasOwn(DEFINITIONS, name)) throw unknownTask(name);
  const definition = await DEFINITIONS[name]!(); // the name is a key of the registry, as checked above
  return withProblems(definition.create(parseTaskOptions(definition, options), context));
}

function unknownTask(name: string): ConfigError {
  const suggestion = nearestName(name, taskNames);
  const help =
    suggestion === undefined ? `the tasks are ${taskNames.join(', ')}` : `did you mean "${suggestion}"?`;
  return new ConfigError(`unknown task "${name}"; ${help}`, {
    code: 'TROUPE_CONFIG_TASK',
    issues: [
      suggestion === undefined
        ? { path: 'name', message: `unknown task "${name}"; ${help}` }
        : { path: 'name', message: `unknown task "${name}"`, suggestion },
    ],
  });
}

/** Checks an endless task before a run starts. @throws ConfigError if one of its splits has no problems */
function withProblems(task: Task): Task {
  for (const split of SPLITS) requireItem(task, split);
  return task;
}

function requireItem(task: Task, split: Split): void {
  if (task.size(split) !== undefined) return;
  try {
    task.item(split, 0);
  } catch (cause) {
    if (!(cause instanceof TaskError)) throw cause;
    throw new ConfigError(cause.message, { code: 'TROUPE_CONFIG_TASK', cause });
  }
}
