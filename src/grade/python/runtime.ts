/**
 * What functions of the interpreter may ask of it.
 * @module
 */
import type { Budget } from './budget.ts';
import type { Call, Value } from './value.ts';

export interface Runtime {
  readonly budget: Budget;
  call(callee: Value, args: readonly Value[]): Value;
  /** What `print` wrote. */
  print(text: string): void;
}

/** A method: called with the value it belongs to. */
export type Method<T extends Value> = (self: T, call: Call, runtime: Runtime) => Value;
export type Methods<T extends Value> = ReadonlyMap<string, Method<T>>;
