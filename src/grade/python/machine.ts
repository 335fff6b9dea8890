/**
 * The interface of the interpreter for modules that evaluate expressions and call functions. It avoids an
 * import cycle.
 * @module
 */
import type { FunctionNode, Statement } from './ast.ts';
import type { Budget } from './budget.ts';
import type { Runtime } from './runtime.ts';
import type { Call, Frame, Value } from './value.ts';

export interface Machine {
  readonly budget: Budget;
  readonly runtime: Runtime;
  readonly globals: Frame;
  readonly builtins: ReadonlyMap<string, Value>;
  call(callee: Value, call: Call): Value;
  define(node: FunctionNode, frame: Frame): Value;
  runBody(body: readonly Statement[], frame: Frame): Value;
}
