/**
 * Typed access to the input of an oracle case. Each access checks the field, so that the error for a malformed case names
 * the field.
 * @module
 */

/** A number in an oracle file. NaN and Infinity are strings there, because JSON has no such numbers. */
export function decodeNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
}

/** Returns whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Computes the value of a case from its input. Each family of cases has one adapter. */
export type Adapter = (input: CaseInput) => unknown;

/** One JSON object with typed access to its fields. */
export class CaseInput {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;

  constructor(fields: unknown, path = 'input') {
    if (!isRecord(fields)) throw new Error(`${path}: expected an object, got ${JSON.stringify(fields)}`);
    this.#fields = fields;
    this.#path = path;
  }

  number(key: string): number {
    return this.#number(this.#fields[key], key);
  }

  /** Returns the number, or undefined if the field is null or absent. */
  optionalNumber(key: string): number | undefined {
    const value = this.#fields[key];
    return value === null || value === undefined ? undefined : this.#number(value, key);
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value !== 'string') throw this.#expected('a string', key, value);
    return value;
  }

  numbers(key: string): number[] {
    return this.#numbers(this.#fields[key], key);
  }

  rows(key: string): number[][] {
    return this.array(key).map((row, i) => this.#numbers(row, `${key}[${i}]`));
  }

  /** Array of depth three. */
  tables(key: string): number[][][] {
    return this.array(key).map((table, i) =>
      this.#array(table, `${key}[${i}]`).map((row, j) => this.#numbers(row, `${key}[${i}][${j}]`)),
    );
  }

  /** Array of depth four. */
  tensors(key: string): number[][][][] {
    return this.array(key).map((tables, i) =>
      new CaseInput({ [i]: tables }, `${this.#path}.${key}`).tables(`${i}`),
    );
  }

  /**
   * Returns a table over joint actions: each entry of the field, flattened to a row-major list of numbers.
   *
   * @param depth - levels of nesting below the entries of the field
   */
  flattened(key: string, depth: number): number[][] {
    return this.array(key).map((entry, i) =>
      this.#numbers(this.#array(entry, `${key}[${i}]`).flat(depth - 1), `${key}[${i}]`),
    );
  }

  array(key: string): readonly unknown[] {
    return this.#array(this.#fields[key], key);
  }

  objects(key: string): CaseInput[] {
    return this.array(key).map((entry, i) => new CaseInput(entry, `${this.#path}.${key}[${i}]`));
  }

  #number(value: unknown, key: string): number {
    const number = decodeNumber(value);
    if (number === undefined) throw this.#expected('a number', key, value);
    return number;
  }

  #numbers(value: unknown, key: string): number[] {
    return this.#array(value, key).map((entry, i) => this.#number(entry, `${key}[${i}]`));
  }

  #array(value: unknown, key: string): readonly unknown[] {
    if (!Array.isArray(value)) throw this.#expected('a list', key, value);
    return value;
  }

  #expected(what: string, key: string, value: unknown): Error {
    return new Error(`${this.#path}.${key}: expected ${what}, got ${JSON.stringify(value) ?? 'nothing'}`);
  }
}
