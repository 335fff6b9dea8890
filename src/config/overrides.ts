/**
 * Configuration flags of the command line. `--train.stages 5`, `--train.stages=5` and `--set train.stages=5`
 * are equivalent. Values are parsed as YAML, as in a team file.
 * @module
 */
import { parseDocument } from 'yaml';
import { ConfigError } from '../support/errors.ts';
import { YAML_OPTIONS } from './yaml-file.ts';

export interface Override {
  /** The flag as the user typed it, without its value; used in error messages. */
  readonly flag: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

const DOTTED = /^--([A-Za-z_]\w*(?:\.\w+)+)(?:=(.*))?$/s;

/**
 * Extracts the configuration flags from a command line.
 *
 * @param plain - top-level keys that are also flags, e.g. `seed` for `--seed`
 * @returns the remaining arguments, and the overrides in order
 * @throws ConfigError for a flag without a value, or whose value is not YAML
 *
 * @example
 * extractOverrides(['team.yaml', '--train.stages', '5']).rest; // => ['team.yaml']
 */
export function extractOverrides(
  argv: readonly string[],
  plain: readonly string[] = [],
): { readonly rest: string[]; readonly overrides: Override[] } {
  const rest: string[] = [];
  const overrides: Override[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word === '--') {
      rest.push(...argv.slice(i));
      break;
    }
    const match = word === '--set' || word.startsWith('--set=') ? undefined : matchFlag(word, plain);
    if (match === undefined && !/^--set(=|$)/.test(word)) {
      rest.push(word);
      continue;
    }
    const inline = match?.inline ?? (word.startsWith('--set=') ? word.slice('--set='.length) : undefined);
    const written = inline ?? argv[++i];
    const flag = match === undefined ? '--set' : `--${match.key}`;
    if (written === undefined || (inline === undefined && written.startsWith('--')))
      throw new ConfigError(
        `${flag}: expected a value, got ${written === undefined ? 'nothing' : `"${written}"`}`,
      );
    overrides.push(match === undefined ? parseSet(written) : makeOverride(flag, match.key, written));
  }
  return { rest, overrides };
}

function matchFlag(
  word: string,
  plain: readonly string[],
): { readonly key: string; readonly inline: string | undefined } | undefined {
  const dotted = DOTTED.exec(word);
  if (dotted !== null) return { key: dotted[1] as string, inline: dotted[2] };
  const [name, ...value] = word.replace(/^--/, '').split('=');
  if (!word.startsWith('--') || name === undefined || !plain.includes(name)) return undefined;
  return { key: name, inline: value.length > 0 ? value.join('=') : undefined };
}

function parseSet(written: string): Override {
  const equals = written.indexOf('=');
  if (equals < 1) throw new ConfigError(`--set: expected KEY=VALUE, got "${written}"`);
  const key = written.slice(0, equals);
  return makeOverride(`--set ${key}`, key, written.slice(equals + 1));
}

function makeOverride(flag: string, key: string, written: string): Override {
  return { flag, path: key.split('.'), value: parseValue(flag, written) };
}

function parseValue(flag: string, written: string): unknown {
  if (written === '') return '';
  const document = parseDocument(written, YAML_OPTIONS);
  const refuse = (): ConfigError =>
    new ConfigError(`${flag}: expected a value in YAML, got "${written}"; quote it`);
  if (document.errors.length > 0) throw refuse();
  try {
    return document.toJS();
  } catch {
    throw refuse(); // an alias without an anchor
  }
}

/**
 * Applies overrides, in order, to the content of a file.
 *
 * @returns a new value; missing sections are created
 * @throws ConfigError if a parent of a path is neither a section nor a list
 */
export function applyOverrides(root: unknown, overrides: readonly Override[]): unknown {
  return overrides.reduce<unknown>((value, override) => setAt(value, override.path, override), root);
}

function setAt(parent: unknown, path: readonly string[], override: Override): unknown {
  const [key, ...deeper] = path;
  if (key === undefined) return override.value;
  if (Array.isArray(parent)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index > parent.length)
      throw new ConfigError(`${override.flag}: expected a position from 0 to ${parent.length}, got "${key}"`);
    return Object.assign([...parent], { [index]: setAt(parent[index], deeper, override) });
  }
  if (parent !== undefined && parent !== null && typeof parent !== 'object')
    throw new ConfigError(
      `${override.flag}: expected a key of a section, but its parent is ${JSON.stringify(parent)}`,
    );
  const section = (parent ?? {}) as Readonly<Record<string, unknown>>; // the check above excludes other types
  return { ...section, [key]: setAt(section[key], deeper, override) };
}
