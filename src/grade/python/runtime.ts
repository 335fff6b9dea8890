/**
 * Functions of the interpreter that built-in functions and methods call.
 * @module
 */
import type { Budget } from './budget.ts';
import type { Call, Value } from './value.ts';

export interface Runtime {
  readonly budget: Budget;
  call(callee: Value, args: readonly Value[]): Value;
  /** Receives the text that a program prints. */
  print(text: string): void;
}

/** A built-in method; `self` is the object on which the program calls it. */
export type Method<T extends Value> = (self: T, call: Call, runtime: Runtime) => Value;
export type Methods<T extends Value> = ReadonlyMap<string, Method<T>>;
