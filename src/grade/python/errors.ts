/**
 * The errors that end a Python program early: an exception of Python, which the program may catch; a feature
 * that the interpreter does not support; an exceeded limit; a syntax error. A program can catch only the
 * first kind, so that an unsupported feature never changes its result.
 * @module
 */
import type { Value } from './value.ts';

/** A Python exception that the program has raised. */
export class PythonError extends Error {
  /** Name of the Python exception, e.g. `KeyError`. */
  readonly type: string;
  readonly args: readonly Value[];

  constructor(type: string, ...args: readonly Value[]) {
    super(typeof args[0] === 'string' ? `${type}: ${args[0]}` : type);
    this.type = type;
    this.args = args;
  }
}

/**
 * Thrown when the program uses a feature that the interpreter does not support. The result of the program is
 * unknown.
 */
export class UnsupportedFeature extends Error {}

/** Thrown when the program exceeds its limit of steps, memory or nested calls. */
export class LimitExceeded extends Error {}

/** Thrown for a text that is not valid Python. */
export class PythonSyntaxError extends Error {}
