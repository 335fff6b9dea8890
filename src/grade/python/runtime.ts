/**
 * The services of the interpreter that built-in functions and methods use.
 * @module
 */
import type { Budget } from './budget.ts';
import type { Call, Value } from './value.ts';

export interface Runtime {
  readonly budget: Budget;
  call(callee: Value, args: readonly Value[]): Value;
  /** Receives the output of `print`. */
  print(text: string): void;
}

/** A method; `self` is the value on which it is called. */
export type Method<T extends Value> = (self: T, call: Call, runtime: Runtime) => Value;
export type Methods<T extends Value> = ReadonlyMap<string, Method<T>>;
