/**
 * How a Python program can end early: by an exception of its own, which it may catch; by asking for what this
 * interpreter does not offer; or by using up what it was given. It can catch neither of the last two, so no
 * program takes a gap of the interpreter for an answer.
 * @module
 */
import type { Value } from './value.ts';

/** A Python exception on its way to a handler. */
export class Raised extends Error {
  /** Name of the exception's type, e.g. `KeyError`. */
  readonly type: string;
  readonly args: readonly Value[];

  constructor(type: string, ...args: readonly Value[]) {
    super(typeof args[0] === 'string' ? `${type}: ${args[0]}` : type);
    this.type = type;
    this.args = args;
  }
}

/** The program asks for a part of Python that is not offered; what a verdict would be is unknown. */
export class Unsupported extends Error {}

/** The program took more steps, memory or depth than it was given. */
export class LimitReached extends Error {}

/** The text is no program. */
export class PythonSyntaxError extends Error {}
