/**
 * Typed access to the metadata of a GGUF file. Errors name the file and the key.
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import type { GgufFile } from './container.ts';

export class Metadata {
  readonly path: string;
  readonly #values: GgufFile['metadata'];

  constructor({ path, metadata }: Pick<GgufFile, 'path' | 'metadata'>) {
    this.path = path;
    this.#values = metadata;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  number(key: string): number | undefined {
    return this.#typed(key, 'a number', (value) => typeof value === 'number');
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, 'true or false', (value) => typeof value === 'boolean');
  }

  string(key: string): string | undefined {
    return this.#typed(key, 'a string', (value) => typeof value === 'string');
  }

  strings(key: string): readonly string[] | undefined {
    return this.#array(key, 'strings', (item) => typeof item === 'string');
  }

  numbers(key: string): readonly number[] | undefined {
    return this.#array(key, 'numbers', (item) => typeof item === 'number');
  }

  flags(key: string): readonly boolean[] | undefined {
    return this.#array(key, 'true or false values', (item) => typeof item === 'boolean');
  }

  /** Returns whether the value of a key is an array. */
  isArray(key: string): boolean {
    return typeof this.#values.get(key) === 'object';
  }

  problem(key: string, expected: string, value: unknown): ConfigError {
    return new ConfigError(`${this.path} ${key}: expected ${expected}, got ${JSON.stringify(value)}`, {
      code: 'TROUPE_GGUF',
    });
  }

  #typed<T extends number | boolean | string>(
    key: string,
    expected: string,
    isExpected: (value: unknown) => boolean,
  ): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value === 'object') throw this.problem(key, expected, `${value.length} values`);
    if (!isExpected(value)) throw this.problem(key, expected, value);
    return value as T;
  }

  #array<T extends number | boolean | string>(
    key: string,
    expected: string,
    isExpected: (item: unknown) => boolean,
  ): readonly T[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object') throw this.problem(key, `an array of ${expected}`, value);
    const items = value.values();
    const wrong = items.find((item) => !isExpected(item));
    if (wrong !== undefined) throw this.problem(key, `an array of ${expected}`, wrong);
    return items as readonly T[];
  }
}
