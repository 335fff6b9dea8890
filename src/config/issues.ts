/**
 * Converts errors of the configuration schema to messages for users. Each message has the position in the
 * file, or the flag that set the value.
 * @module
 */
import type { z } from 'zod';
import { show } from '../schema/fields.ts';
import { ConfigError, type ConfigIssue } from '../support/errors.ts';
import { keysAt, nearestKey } from './key-tree.ts';
import type { Override } from './overrides.ts';
import { RENAMED_TEAM_KEYS, renamedKeyMessage } from './renamed-keys.ts';
import type { ConfigValues } from './yaml-file.ts';

/** A problem of a configuration, before its position in the file is known. */
export interface PlacelessIssue {
  readonly path: readonly PropertyKey[];
  /** Message without the path, e.g. `expected a number > 0, got -1`. */
  readonly message: string;
  readonly suggestion?: string;
  /** Whether the problem is the key itself, not its value. */
  readonly isKey?: boolean;
}

/** The sources of a configuration's values: the file, the flags and the algorithm. */
export interface Sources {
  /** Name of the file, used in messages. */
  readonly name: string;
  readonly file: ConfigValues;
  readonly overrides: readonly Override[];
  /** Dotted paths of the settings that come from the file's algorithm. */
  readonly filled: ReadonlySet<string>;
}

/** Converts one issue of zod. An issue about unknown keys becomes one problem per key. */
export function explain(issue: z.core.$ZodIssue): PlacelessIssue[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const keys = keysAt(path);
      // the schema knows the key, but for another `kind` of this section
      if (keys.includes(key)) {
        const kind = kindOf(issue.input);
        return {
          path: [...path, key],
          message: `unknown key "${key}"; ${kind} does not have this key`,
          isKey: true,
        };
      }
      const renamed = renamedKeyMessage([...path, key], RENAMED_TEAM_KEYS);
      if (renamed !== undefined) return { path: [...path, key], message: renamed, isKey: true };
      const suggestion = nearestKey(path, key);
      const help =
        suggestion === undefined ? `the keys here are ${keys.join(', ')}` : `did you mean "${suggestion}"?`;
      return {
        path: [...path, key],
        message: `unknown key "${key}"; ${help}`,
        isKey: true,
        ...(suggestion === undefined ? {} : { suggestion }),
      };
    });
  if (issue.message.startsWith('expected ')) return [{ path, message: issue.message }];
  if (issue.code === 'invalid_type' && issue.expected === 'object')
    return [{ path, message: `expected a section (keys and values), got ${show(issue.input)}` }];
  return [{ path, message: `${issue.message}, got ${show(issue.input)}` }];
}

function kindOf(section: unknown): string {
  const kind =
    typeof section === 'object' && section !== null && 'kind' in section ? section.kind : undefined;
  return typeof kind === 'string' ? `kind ${kind}` : 'this kind';
}

/** @returns an error with one line per problem, e.g. `team.yaml:6:10 trust_region.target_kl: expected ...` */
export function configError(problems: readonly PlacelessIssue[], sources: Sources): ConfigError {
  const located = problems.map((problem) => locate(attributeToAlgorithm(problem, sources), sources));
  const lines = located.map(({ issue, flag }) => {
    if (flag !== undefined) return `${flag}: ${issue.message}`;
    const dotted = problemPath(issue);
    const position = issue.line === undefined ? '' : `${issue.file}:${issue.line}:${issue.column} `;
    return `${position}${dotted === '' ? '' : `${dotted}: `}${issue.message}`;
  });
  return new ConfigError([...new Set(lines)].join('\n'), {
    code: problems.some((problem) => problem.isKey) ? 'TROUPE_CONFIG_UNKNOWN_KEY' : 'TROUPE_CONFIG',
    issues: located.map(({ issue }) => issue),
  });
}

/**
 * Returns the path for a message. The message about an unknown key contains the key, so the path is that of
 * its section.
 */
function problemPath(issue: ConfigIssue): string {
  return issue.message.startsWith('unknown key') ? issue.path.split('.').slice(0, -1).join('.') : issue.path;
}

/** If the algorithm set the invalid value, moves the problem to the key `algorithm`. */
function attributeToAlgorithm(problem: PlacelessIssue, { filled }: Sources): PlacelessIssue {
  const path = problem.path.join('.');
  if (!filled.has(path)) return problem;
  return { ...problem, path: ['algorithm'], message: `sets ${path}: ${problem.message}` };
}

function locate(
  problem: PlacelessIssue,
  { name, file, overrides }: Sources,
): { readonly issue: ConfigIssue; readonly flag?: string } {
  const { path, message, suggestion } = problem;
  const issue = { path: path.join('.'), message, ...(suggestion === undefined ? {} : { suggestion }) };
  // first choice: a flag that set the value or one of its parents; second choice: a flag that set a part of
  // the value
  const override =
    overrides.findLast((one) => startsWith(path, one.path)) ??
    overrides.findLast((one) => path.length > 0 && startsWith(one.path, path));
  if (override !== undefined) return { issue, flag: override.flag };
  return { issue: { ...issue, file: name, ...file.position(path, problem.isKey ? 'key' : 'value') } };
}

function startsWith(path: readonly PropertyKey[], start: readonly PropertyKey[]): boolean {
  return start.every((step, index) => String(step) === String(path[index]));
}
