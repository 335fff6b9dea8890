/**
 * Typed access to the fields of a `config.json`, with the defaults of Transformers.
 * @see config-keys.ts for the keys that are not read
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** The fields of one `config.json`. */
export class ConfigFields {
  readonly where: string;
  readonly #raw: Fields;
  readonly #defaults: Fields;

  /**
   * @param raw - the parsed file
   * @param defaults - values of missing fields
   * @param where - path of the file, for error messages
   */
  constructor(raw: Fields, defaults: Fields, where: string) {
    this.#raw = raw;
    this.#defaults = defaults;
    this.where = where;
  }

  /** Returns a field, or its default if it is missing; null if the file has null. */
  value(key: string): unknown {
    const given = this.#raw[key];
    return given === undefined ? this.#defaults[key] : given;
  }

  /**
   * Returns a field that must be a positive integer; null counts as missing. @throws ConfigError for other
   * values
   */
  int(key: string, fallback?: number): number {
    const value = this.#raw[key] ?? this.#defaults[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw this.problem(key, 'a positive integer', value);
    return value;
  }

  /**
   * Returns a field that must be a number > 0; null counts as missing. @throws ConfigError for other values
   */
  positive(key: string): number {
    return this.asPositive(key, this.#raw[key] ?? this.#defaults[key]);
  }

  /**
   * Returns a field that must be a number > 0, or undefined if it is null or missing. @throws ConfigError for
   * other values
   */
  positiveOrNull(key: string): number | undefined {
    const value = this.value(key);
    return value == null ? undefined : this.asPositive(key, value);
  }

  asPositive(key: string, value: unknown): number {
    if (typeof value !== 'number' || !(value > 0)) throw this.problem(key, 'a number > 0', value);
    return value;
  }

  /**
   * Returns a field that must be a boolean; false if it is null or missing. @throws ConfigError for other
   * values
   */
  flag(key: string): boolean {
    const value = this.value(key) ?? false;
    if (typeof value !== 'boolean') throw this.problem(key, 'true or false', value);
    return value;
  }

  /** Returns a token id that does not affect the computation; undefined for other values, such as -1. */
  tokenOrNull(key: string): number | undefined {
    const value = this.value(key);
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined;
  }

  problem(key: string, expected: string, value: unknown): ConfigError {
    return new ConfigError(`${this.where} ${key}: expected ${expected}, got ${JSON.stringify(value)}`);
  }
}
