/**
 * Reads the published files of AR-Bench. Each file is a JSON list. The files have no licence, so the user
 * provides them. The list of test problems is the test split; problems of the training list that occur in it
 * are removed.
 * @module
 */
import { readFileSync } from 'node:fs';
import { ConfigError, TaskError } from '../../support/errors.ts';
import { splitOf } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import { normalPrompt, removeOverlap } from '../jsonl/partition.ts';

/** A record with the text that identifies its problem. */
interface Problem<R> {
  readonly prompt: string;
  readonly record: R;
}

/** A valid record, or the description of a valid record if the one in the file is invalid. */
export type ReadResult<R> = { readonly record: R } | { readonly expected: string };

/**
 * Reads a list of records.
 *
 * @param where - the task, for error messages
 * @throws ConfigError with the file and the first invalid record
 */
export function readList<R>(where: string, path: string, read: (value: unknown) => ReadResult<R>): R[] {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`${where}: expected a readable JSON file at ${path}, got an error: ${why}`, {
      cause,
    });
  }
  if (!Array.isArray(value))
    throw new ConfigError(`${where}: expected a list in ${path}, got ${describeValue(value)}`);
  return value.map((entry: unknown, index): R => {
    const result = read(entry);
    if ('expected' in result)
      throw new ConfigError(`${where}: ${path}: record ${index}: expected ${result.expected}`);
    return result.record;
  });
}

/** The problems of a task, by the list that contains them. */
export interface Lists<R> {
  /** All problems of the test split. If undefined, the test split is a share of `train`. */
  readonly test?: readonly R[] | undefined;
  /**
   * Problems that are distributed by hash over the train and validation splits, and over the test split if
   * `test` is undefined.
   */
  readonly train?: readonly R[] | undefined;
  /** Returns the text that identifies a problem. */
  readonly nameOf: (record: R) => string;
}

/**
 * Divides problems into disjoint splits. A problem that belongs to several splits is kept in only one: in the
 * test split if it belongs to it, else in the validation split.
 */
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
  const warnings = removeOverlap(splits);
  const records = (split: Split): R[] => splits[split].map(({ record }) => record);
  return {
    splits: { train: records('train'), validation: records('validation'), test: records('test') },
    warnings,
  };
}

/** Returns a record of a split. @throws TaskError if the index is out of range */
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

/** Reads the fields of an object one by one; `expected` describes the first invalid field. */
export class Fields {
  readonly #fields: Readonly<Record<string, unknown>>;
  /** Description of the first invalid or missing field; undefined if all fields are valid. */
  expected: string | undefined;

  constructor(value: unknown) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    this.#fields = isObject ? { ...value } : {};
    if (!isObject) this.expected = `an object, got ${describeValue(value)}`;
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value === 'string') return value;
    this.expected ??= `a text "${key}", got ${describeValue(value)}`;
    return '';
  }

  integer(key: string, max: number): number {
    const value = this.#fields[key];
    if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max) return Number(value);
    this.expected ??= `"${key}" from 0 to ${max}, got ${describeValue(value)}`;
    return 0;
  }

  /** A list of texts; an absent list is empty. */
  texts(key: string): readonly string[] {
    const value = this.#fields[key] ?? [];
    if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) return value;
    this.expected ??= `a list of texts "${key}", got ${describeValue(value)}`;
    return [];
  }

  object(key: string): Fields {
    const inner = new Fields(this.#fields[key]);
    if (inner.expected !== undefined) this.expected ??= `"${key}" to be ${inner.expected}`;
    return inner;
  }

  /** Reads a list of objects. `read` reads each object. */
  each<T>(key: string, read: (fields: Fields) => T): readonly T[] {
    const value = this.#fields[key];
    if (!Array.isArray(value)) {
      this.expected ??= `a list "${key}", got ${describeValue(value)}`;
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

/** Writes a value for an error message. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
