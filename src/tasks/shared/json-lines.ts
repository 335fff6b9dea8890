/**
 * Reads files of JSON lines, one object each. Whatever is wrong with one is said with file and line, before
 * anything else happens.
 * @module
 */
import { readFileSync } from 'node:fs';
import { excerpt } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';

/** One line's object. A map, so that no field name reaches a prototype. */
export interface JsonLine {
  readonly place: Place;
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * All objects of a file, in order; blank lines are skipped.
 *
 * @throws ConfigError if the file cannot be read, is not UTF-8, has no object, or a line is none
 */
export function readJsonLines(path: string): JsonLine[] {
  const lines = readText(path)
    .split('\n')
    .flatMap((text, index) => (text.trim() === '' ? [] : [readLine(text, { path, line: index + 1 })]));
  if (lines.length === 0)
    throw new ConfigError(`${path}: expected at least one line with a JSON object, got none`, {
      code: 'TROUPE_TASK_FILE',
      issues: [{ file: path, path: 'path', message: 'the file has no records' }],
    });
  return lines;
}

/** A place in a file. */
export interface Place {
  readonly path: string;
  readonly line: number;
}

/** `<file>:<line>: <message>`, as a {@link ConfigError} that carries the place. */
export function lineError({ path, line }: Place, message: string, cause?: unknown): ConfigError {
  return new ConfigError(`${path}:${line}: ${message}`, {
    code: 'TROUPE_TASK_LINE',
    issues: [{ file: path, line, path: 'path', message }],
    cause,
  });
}

function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${path}: expected a file that can be read, got ${why}; check the path`, {
      code: 'TROUPE_TASK_FILE',
      issues: [{ file: path, path: 'path', message: 'the file cannot be read' }],
      cause,
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ConfigError(`${path}: expected UTF-8 text, got other bytes; convert the file to UTF-8`, {
      code: 'TROUPE_TASK_FILE',
      issues: [{ file: path, path: 'path', message: 'the file is not UTF-8' }],
      cause,
    });
  }
}

function readLine(text: string, place: Place): JsonLine {
  const value = parseLine(text, place);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw lineError(place, `expected a JSON object, got ${excerpt(text)}; write one object per line`);
  return { place, fields: new Map<string, unknown>(Object.entries(value)) };
}

function parseLine(text: string, place: Place): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw lineError(place, `expected a JSON object, got ${excerpt(text)}; fix or delete the line`, cause);
  }
}
