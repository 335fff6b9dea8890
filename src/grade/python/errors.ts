/**
 * The ways in which a Python program ends early: by an exception of its own, which it may catch; by a feature
 * that the interpreter does not support; or by exceeding a limit. A program cannot catch the last two, so that an
 * unsupported feature never changes its result.
 * @module
 */
import type { Value } from './value.ts';

/** A Python exception that the program has raised. */
export class PythonError extends Error {
  /** Name of the exception's type, e.g. `KeyError`. */
  readonly type: string;
  readonly args: readonly Value[];

  constructor(type: string, ...args: readonly Value[]) {
    super(typeof args[0] === 'string' ? `${type}: ${args[0]}` : type);
    this.type = type;
    this.args = args;
  }
}

/** The program uses a feature that the interpreter does not support; its result is unknown. */
export class UnsupportedFeature extends Error {}

/** The program exceeded its limit of steps, memory or nested calls. */
export class LimitExceeded extends Error {}

/** The text is not valid Python. */
export class PythonSyntaxError extends Error {}
