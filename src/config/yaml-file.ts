/**
 * A parsed YAML text with the positions of its values, so that errors found after parsing can include line
 * and column.
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { ConfigError, type ConfigIssue } from '../support/errors.ts';

/** YAML 1.2 with the merge keys `<<` of YAML 1.1, which many files use to share settings. */
export const YAML_OPTIONS = { merge: true, prettyErrors: false } as const;

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Values of a configuration, with their positions if they come from a text. */
export interface ConfigValues {
  /** Plain values. */
  readonly value: unknown;
  /**
   * Position of the value at a path, or of its nearest parent if the path does not exist; undefined if the
   * values do not come from a text.
   *
   * @param at - `key` for the position of the key instead of its value, for errors about the key
   */
  position(path: readonly PropertyKey[], at?: 'key' | 'value'): Position | undefined;
}

/** Values that were read from a YAML text. Every path has a position. */
export interface YamlFile extends ConfigValues {
  position(path: readonly PropertyKey[], at?: 'key' | 'value'): Position;
}

/**
 * Parses YAML, of which JSON is a subset.
 *
 * @param name - name of the file in messages
 * @throws ConfigError with line and column of the first syntax error
 */
export function parseYamlFile(text: string, name: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines });
  // a warning is an unknown tag, whose value is not what the author meant
  // only the first problem is reported, because further ones are often consequences of it
  const issues = [...document.errors, ...document.warnings].slice(0, 1).map((error): ConfigIssue => {
    const { line, col } = lines.linePos(error.pos[0]);
    const message = error.code === 'MULTIPLE_DOCS' ? 'one document, got several' : firstLine(error.message);
    return { file: name, line, column: col, path: '', message };
  });
  if (issues.length > 0)
    throw new ConfigError(
      issues
        .map((issue) => `${name}:${issue.line}:${issue.column} expected YAML: ${issue.message}`)
        .join('\n'),
      { code: 'TROUPE_CONFIG_YAML', issues },
    );
  return {
    value: plainValue(document, name),
    position: (path, at = 'value') => {
      const { line, col } = lines.linePos(offsetOf(document, path, at));
      return { line, column: col };
    },
  };
}

/**
 * Converts the document to plain values and resolves its aliases.
 *
 * @throws ConfigError for an alias without an anchor, or too many aliases
 */
function plainValue(document: Document.Parsed, name: string): unknown {
  try {
    const value: unknown = document.toJS();
    JSON.stringify(value); // throws if an alias makes a value contain itself
    return value;
  } catch (cause) {
    const message = aliasProblem(cause);
    throw new ConfigError(`${name}: expected YAML: ${message}`, {
      code: 'TROUPE_CONFIG_YAML',
      issues: [{ file: name, path: '', message }],
      cause,
    });
  }
}

function aliasProblem(cause: unknown): string {
  const message = firstLine(cause instanceof Error ? cause.message : String(cause));
  if (/^(Excessive alias count|Converting circular structure)/.test(message))
    return 'aliases (*name) that do not contain themselves, got one that does, or too many of them';
  if (/^Merge sources/.test(message)) return 'sections after the merge key "<<", got another value';
  return message;
}

function offsetOf(document: Document.Parsed, path: readonly PropertyKey[], at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range[0] ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isSeq(node)) {
      node = node.items[Number(step)];
    } else if (isMap(node)) {
      const pair = pairOf(document, node, step);
      if (pair === undefined) return offset;
      // used if there is no value to point at: the position of the last key that exists
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset;
      if (at === 'key' && index === path.length - 1) return offset;
      node = pair.value;
    } else return offset;
    if (index === path.length - 1 || isSeq(node) || isMap(node)) offset = rangeStart(node) ?? offset;
  }
  return offset;
}

/** Finds the pair of a key in a map, or else in the maps that its merge key `<<` names. */
function pairOf(document: Document.Parsed, map: YAMLMap, step: PropertyKey): Pair | undefined {
  const own = map.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
  if (own !== undefined) return own;
  for (const { key, value } of map.items) {
    if (!isScalar(key) || !isMergeKey(key.value)) continue;
    const sources = isSeq(value) ? value.items : [value];
    for (const source of sources) {
      const merged = isAlias(source) ? source.resolve(document) : source;
      const found = isMap(merged) ? pairOf(document, merged, step) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The parser replaces the text of a merge key by a symbol. */
function isMergeKey(value: unknown): boolean {
  return value === '<<' || (typeof value === 'symbol' && value.description === '<<');
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/[.:]$/, '');
}
