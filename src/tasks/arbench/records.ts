/**
 * Files of AR-Bench as published: one JSON list each. They carry no licence, so they are the user's own; a list of
 * test problems is for reports alone, and training problems that are in it are left out.
 * @module
 */
import { readFileSync } from 'node:fs';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { splitOf } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import { keepApart, normalPrompt } from '../jsonl/partition.ts';

/** A record, with the text that tells it from others. */
interface Problem<R> {
  readonly prompt: string;
  readonly record: R;
}

/** A record, or what was expected instead of what is there. */
export type Read<R> = { readonly record: R } | { readonly expected: string };

/**
 * @param where - the task, for messages
 * @throws ConfigError naming the file, and the first record that cannot be used
 */
export function readList<R>(where: string, path: string, read: (value: unknown) => Read<R>): R[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${where}: expected a JSON file at ${path}, got none that can be read: ${why}`, {
      cause,
    });
  }
  if (!Array.isArray(value))
    throw new ConfigError(`${where}: expected a list in ${path}, got ${kindOf(value)}`);
  return value.map((entry: unknown, index): R => {
    const result = read(entry);
    if ('expected' in result)
      throw new ConfigError(`${where}: ${path}: record ${index}: expected ${result.expected}`);
    return result.record;
  });
}

/** Where the problems of a task are from. */
export interface Lists<R> {
  /** For reports: all of `test`. */
  readonly test?: readonly R[] | undefined;
  /** Shared out among the splits that have no list of their own, by the hash of the problem. */
  readonly train?: readonly R[] | undefined;
  /** The text that tells problems apart. */
  readonly nameOf: (record: R) => string;
}

/** Splits with no problem in two of them; test before validation before train. */
export function splitLists<R>({ test, train = [], nameOf }: Lists<R>): {
  readonly splits: Readonly<Record<Split, readonly R[]>>;
  readonly warnings: readonly string[];
} {
  const problem = (record: R): Problem<R> => ({ prompt: nameOf(record), record });
  const splits: Record<Split, Problem<R>[]> = { train: [], validation: [], test: (test ?? []).map(problem) };
  for (const one of train.map(problem)) {
    const share = splitOf(normalPrompt(one.prompt));
    splits[share === 'test' && test !== undefined ? 'train' : share].push(one);
  }
  const warnings = keepApart(splits);
  const records = (split: Split): R[] => splits[split].map(({ record }) => record);
  return {
    splits: { train: records('train'), validation: records('validation'), test: records('test') },
    warnings,
  };
}

/** @throws TaskError if there is no such record */
export function recordAt<R>(
  task: string,
  splits: Readonly<Record<Split, readonly R[]>>,
  { split, index }: { readonly split: Split; readonly index: number },
): R {
  const record = splits[split][index];
  if (record === undefined)
    throw new TaskError(
      `task ${task}: expected an index from 0 to ${splits[split].length - 1} in the ${split} split, got ${index}`,
      { code: 'TROUPE_TASK_INDEX' },
    );
  return record;
}

/** An object's fields, read one after the other; what is missing comes first in `expected`. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  /** The first thing that was expected and is not there. */
  expected: string | undefined;

  constructor(value: unknown) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#fields = isObject ? { ...value } : {};
    if (!isObject) this.expected = `an object, got ${kindOf(value)}`;
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value === 'string') return value;
    this.expected ??= `a text "${key}", got ${kindOf(value)}`;
    return '';
  }

  integer(key: string, most: number): number {
    const value = this.#fields[key];
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= most) return Number(value);
    this.expected ??= `"${key}" from 0 to ${most}, got ${kindOf(value)}`;
    return 0;
  }

  /** Texts of a list; an absent list is empty. */
  texts(key: string): readonly string[] {
    const value = this.#fields[key] ?? [];
    if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
    this.expected ??= `a list of texts "${key}", got ${kindOf(value)}`;
    return [];
  }

  object(key: string): Fields {
    const inner = new Fields(this.#fields[key]);
    if (inner.expected !== undefined) this.expected ??= `"${key}" to be ${inner.expected}`;
    return inner;
  }

  /** Every object of a list, read alike. */
  each<T>(key: string, read: (fields: Fields) => T): readonly T[] {
    const value = this.#fields[key];
    if (!Array.isArray(value)) {
      this.expected ??= `a list "${key}", got ${kindOf(value)}`;
      return [];
    }
    return value.map((entry: unknown) => {
      const fields = new Fields(entry);
      const result = read(fields);
      if (fields.expected !== undefined) this.expected ??= `in "${key}" ${fields.expected}`;
      return result;
    });
  }
}

export function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
