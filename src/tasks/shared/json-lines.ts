/**
 * Reads JSON-lines files, which have one object per line. Errors contain the file and the line.
 * @module
 */
import { readFileSync } from 'node:fs';
import { excerpt } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';
import { readFailure } from '../../support/read-failure.ts';

/** The object of one line. Its fields are a map, so that a field such as `__proto__` is an ordinary key. */
export interface JsonLine {
  readonly source: SourceLine;
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * Reads all objects of a file in order; blank lines are skipped.
 *
 * @throws ConfigError if the file cannot be read, is not UTF-8 or has no object, or if a line is not a JSON object
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

/** A line of a file. */
export interface SourceLine {
  readonly path: string;
  /** From 1. */
  readonly line: number;
}

/** Creates a {@link ConfigError} `<file>:<line>: <message>`, whose issue contains the file and the line. */
export function lineError({ path, line }: SourceLine, message: string, cause?: unknown): ConfigError {
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
    throw new ConfigError(
      `${path}: expected a file that can be read, got ${readFailure(cause)}; check the path`,
      {
        code: 'TROUPE_TASK_FILE',
        issues: [{ file: path, path: 'path', message: 'the file cannot be read' }],
        cause,
      },
    );
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

function readLine(text: string, source: SourceLine): JsonLine {
  const value = parseLine(text, source);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw lineError(source, `expected a JSON object, got ${excerpt(text)}; write one object per line`);
  return { source, fields: new Map<string, unknown>(Object.entries(value)) };
}

function parseLine(text: string, source: SourceLine): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw lineError(source, `expected a JSON object, got ${excerpt(text)}; ${remedy(text)}`, cause);
  }
}

function remedy(text: string): string {
  if (/^\s*\[/.test(text)) return 'write one object per line instead of a JSON array';
  if (/}\s*,\s*$/.test(text)) return 'delete the comma at its end';
  return 'fix or delete the line';
}
