/**
 * The definition of a task: its name, one line about it, the schema of its options, and how it is created from them.
 * `src/tasks/registry.ts` loads definitions by name; the option tables of `docs/tasks/` are generated from the schemas.
 * @module
 */
import { type OptionsSchema, type ParsedOptions, parseOptions } from '../schema/options.ts';
import type { AnswererFactory } from './answerer.ts';
import type { Task } from './task.ts';

/** Dependencies of tasks besides their options. */
export interface TaskContext {
  /** Creates the answerer of an environment. Absent: tasks that need one can be created but not played. */
  readonly answerer?: AnswererFactory;
}

export interface TaskDefinition<S extends OptionsSchema = OptionsSchema> {
  /** Value of `task.name` in a team file. */
  readonly name: string;
  /** Description in one line, for `troupe tasks` and `docs/tasks.md`. */
  readonly about: string;
  /** Strict object with snake_case keys; every option has a description. */
  readonly options: S;
  /**
   * @param options - parsed, with camelCase keys
   * @throws ConfigError if files that the options name cannot be used
   */
  create(options: ParsedOptions<S>, context: TaskContext): Task;
}

/** Infers the type of a definition from its schema. */
export function defineTask<S extends OptionsSchema>(definition: TaskDefinition<S>): TaskDefinition<S> {
  return definition;
}

/**
 * Parses the options of a task from a team file or flags.
 *
 * @throws ConfigError with all invalid and unknown options
 */
export function parseTaskOptions<S extends OptionsSchema>(
  { name, options }: Pick<TaskDefinition<S>, 'name' | 'options'>,
  record: Readonly<Record<string, unknown>>,
): ParsedOptions<S> {
  return parseOptions(`task ${name}`, options, record);
}
