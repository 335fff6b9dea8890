/**
 * Checks the options of a task or a protocol against a zod schema. All problems are reported together, one
 * line each, with the name of the option, the description of valid values and the value.
 * @module
 */
import type { z } from 'zod';
import { ConfigError, type ConfigIssue } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import { renamedOption } from '../support/renamed-names.ts';
import { type CamelCased, camelCased } from './camel-case.ts';
import { show } from './fields.ts';

/** Schema of a set of options: a strict object with snake_case keys. */
export type OptionsSchema = z.ZodType<Readonly<Record<string, unknown>>> & {
  readonly shape: Readonly<Record<string, z.ZodType>>;
};

/** Options that were parsed by a schema, with camelCase keys. */
export type ParsedOptions<S extends z.ZodType> = CamelCased<z.output<S>>;

/**
 * Parses options from a team file or from command-line flags. An option that is missing or `null` gets its
 * default.
 *
 * @param where - owner of the options, e.g. `task countdown`; every line of the error begins with it
 * @param schema - a strict object with snake_case keys
 * @param record - the options as the user wrote them
 * @throws ConfigError with all problems. The `path` of an issue is the option's name without `where`, so that
 *   a caller can add a position in a file
 *
 * @example
 * parseOptions('task a', z.strictObject({ max_size: integer({ min: 1 }).default(3) }), {}); // => { maxSize:
 * 3 }
 */
export function parseOptions<S extends OptionsSchema>(
  where: string,
  schema: S,
  record: Readonly<Record<string, unknown>>,
): ParsedOptions<S> {
  const given = Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
  const parsed = schema.safeParse(given);
  // the function camelCased changes the keys in the same way as the type CamelCased
  if (parsed.success) return camelCased(parsed.data as z.output<S> & object) as ParsedOptions<S>;
  const known = Object.keys(schema.shape);
  const issues = parsed.error.issues.flatMap((issue) => explain(issue, known));
  throw new ConfigError(
    issues
      .map(({ path, message }) =>
        message.startsWith('unknown option') ? `${where}: ${message}` : `${where}.${path}: ${message}`,
      )
      .join('\n'),
    { code: 'TROUPE_CONFIG_OPTIONS', issues },
  );
}

/** Options that a caller in code passes. An option that is `undefined` counts as absent. */
export type GivenOptions<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Adds the defaults of all options that are absent or undefined. */
export function withDefaults<T extends object>(defaults: T, given: GivenOptions<T>): T {
  const defined = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(defined) };
}

/** Reports an invalid option from a `superRefine`. @param message - `expected ..., got ...` */
export function rejectOption(context: z.RefinementCtx, option: string, message: string): void {
  context.addIssue({ code: 'custom', path: [option], message });
}

/** Rejects an option if it is given and less than the value of another option. */
export function requireAtLeast(
  context: z.RefinementCtx,
  [option, value]: readonly [name: string, value: number | undefined],
  [other, bound]: readonly [name: string, value: number],
): void {
  if (value !== undefined && value < bound)
    rejectOption(context, option, `expected ${other} (${bound}) or more, got ${value}`);
}

function explain(issue: z.core.$ZodIssue, known: readonly string[]): ConfigIssue[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownOption(key, known));
  const path = issue.path.join('.');
  if (issue.message.startsWith('expected ')) return [{ path, message: issue.message }];
  return [{ path, message: `${issue.message}, got ${show(issue.input)}` }];
}

function unknownOption(name: string, known: readonly string[]): ConfigIssue {
  const renamed = renamedOption(name, known);
  if (renamed !== undefined)
    return { path: name, message: `unknown option "${name}"; it is now "${renamed}"`, suggestion: renamed };
  const suggestion = nearestName(name, known);
  if (suggestion !== undefined)
    return { path: name, message: `unknown option "${name}"; did you mean "${suggestion}"?`, suggestion };
  const help = known.length === 0 ? 'it has no options' : `the options are ${known.join(', ')}`;
  return { path: name, message: `unknown option "${name}"; ${help}` };
}
