/**
 * Reads an options record that came from YAML or flags into typed values, by hand: every problem is
 * collected, so a user sees all of them at once, each with the option's path and what would be right.
 * @module
 */
import { ConfigError, type ConfigIssue } from './errors.ts';
import { nearestName } from './nearest.ts';
import { renamedOption } from './renamed-names.ts';

export interface IntegerRange {
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** Takes options one by one; `finish` reports what was wrong and what nobody took. */
export interface OptionReader {
  integer(name: string, range: IntegerRange): number;
  optionalInteger(name: string, range: Omit<IntegerRange, 'default'>): number | undefined;
  /** A finite number. */
  number(name: string, fallback: number): number;
  /** A share in [0, 1]. */
  share(name: string, fallback: number): number;
  boolean(name: string, fallback: boolean): boolean;
  text(name: string, fallback: string): string;
  optionalText(name: string): string | undefined;
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
  /** Records what else is wrong with an option, as `expected <what>, got <value>`. */
  reject(name: string, message: string): void;
  /** @throws ConfigError listing every problem, unknown options included */
  finish(): void;
}

/**
 * @param where - what the options belong to, e.g. `task countdown`; begins every line of the error. The
 *   error's issues have the option as `path` and no such beginning, so a caller can name a better place
 * @param record - the options as the user wrote them, snake_case keys
 */
export function readOptions(where: string, record: Readonly<Record<string, unknown>>): OptionReader {
  return new RecordReader(where, record);
}

class RecordReader implements OptionReader {
  readonly #where: string;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #known: string[] = [];
  readonly #issues: ConfigIssue[] = [];
  readonly #lines: string[] = [];

  constructor(where: string, record: Readonly<Record<string, unknown>>) {
    this.#where = where;
    this.#record = record;
  }

  integer(name: string, range: IntegerRange): number {
    return this.optionalInteger(name, range) ?? range.default;
  }

  optionalInteger(name: string, { min, max }: Omit<IntegerRange, 'default'>): number | undefined {
    const isRight = (value: unknown): value is number =>
      Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
    return this.#take(name, `an integer from ${min} to ${max}`, isRight);
  }

  number(name: string, fallback: number): number {
    const isRight = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
    return this.#take(name, 'a number', isRight) ?? fallback;
  }

  share(name: string, fallback: number): number {
    const isRight = (value: unknown): value is number =>
      typeof value === 'number' && value >= 0 && value <= 1;
    return this.#take(name, 'a number from 0 to 1', isRight) ?? fallback;
  }

  boolean(name: string, fallback: boolean): boolean {
    const isRight = (value: unknown): value is boolean => typeof value === 'boolean';
    return this.#take(name, 'true or false', isRight) ?? fallback;
  }

  text(name: string, fallback: string): string {
    return this.optionalText(name) ?? fallback;
  }

  optionalText(name: string): string | undefined {
    const isRight = (value: unknown): value is string => typeof value === 'string' && value !== '';
    return this.#take(name, 'a text that is not empty', isRight);
  }

  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T {
    const isRight = (value: unknown): value is T => choices.some((choice) => choice === value);
    return this.#take(name, `one of ${choices.join(', ')}`, isRight) ?? fallback;
  }

  reject(name: string, message: string): void {
    this.#issues.push({ path: name, message });
    this.#lines.push(`${this.#where}.${name}: ${message}`);
  }

  finish(): void {
    for (const name of Object.keys(this.#record)) {
      if (this.#known.includes(name)) continue;
      const now = renamedOption(name, this.#known);
      const suggestion = now ?? nearestName(name, this.#known);
      const help =
        suggestion === undefined
          ? this.#known.length === 0
            ? 'it has no options'
            : `the options are ${this.#known.join(', ')}`
          : now === undefined
            ? `did you mean "${suggestion}"?`
            : `it is now "${now}"`;
      const message = `unknown option "${name}"; ${help}`;
      this.#issues.push({ path: name, message, ...(suggestion === undefined ? {} : { suggestion }) });
      this.#lines.push(`${this.#where}: ${message}`);
    }
    if (this.#issues.length === 0) return;
    throw new ConfigError(this.#lines.join('\n'), {
      code: 'TROUPE_CONFIG_OPTIONS',
      issues: this.#issues,
    });
  }

  /** A missing option and an explicit null are the same: the default applies. */
  #take<T>(name: string, expected: string, isRight: (value: unknown) => value is T): T | undefined {
    this.#known.push(name);
    const value = this.#record[name];
    if (value === undefined || value === null) return undefined;
    if (isRight(value)) return value;
    const shown = typeof value === 'string' || typeof value === 'object' ? JSON.stringify(value) : value;
    this.reject(name, `expected ${expected}, got ${String(shown)}`);
    return undefined;
  }
}
