/**
 * The definition of a task: its name, a one-line description, the schema of its options, and the function
 * that creates the task. `src/tasks/registry.ts` loads definitions by name; the option tables of
 * `docs/tasks/` are generated from the schemas.
 * @module
 */
import { type OptionsSchema, type ParsedOptions, parseOptions } from '../schema/options.ts';
import type { AnswererFactory } from './answerer.ts';
import type { Task } from './task.ts';

/** Dependencies that a task gets besides its options. */
export interface TaskContext {
  /**
   * Creates the model that answers questions put to an environment. If absent, a task that needs such a model
   * can be created, but its episodes cannot be played.
   */
  readonly answerer?: AnswererFactory;
}

export interface TaskDefinition<S extends OptionsSchema = OptionsSchema> {
  /** Value of `task.name` in a team file. */
  readonly name: string;
  /** Description in one line, for `troupe tasks` and `docs/tasks.md`. */
  readonly about: string;
  /** Schema of the options: a strict object with snake_case keys. Every option has a description. */
  readonly options: S;
  /**
   * Creates the task.
   *
   * @param options - parsed options, with camelCase keys
   * @throws ConfigError if a file that the options name cannot be used
   */
  create(options: ParsedOptions<S>, context: TaskContext): Task;
}

/** Returns the definition unchanged. TypeScript infers the type of its options from the schema. */
export function defineTask<S extends OptionsSchema>(definition: TaskDefinition<S>): TaskDefinition<S> {
  return definition;
}

/**
 * Parses the options of a task from a team file or from command-line flags.
 *
 * @throws ConfigError with all invalid and unknown options
 */
export function parseTaskOptions<S extends OptionsSchema>(
  { name, options }: Pick<TaskDefinition<S>, 'name' | 'options'>,
  record: Readonly<Record<string, unknown>>,
): ParsedOptions<S> {
  return parseOptions(`task ${name}`, options, record);
}
