/**
 * Defines and calls functions.
 * @module
 */
import type { FunctionNode } from './ast.ts';
import { PythonError } from './errors.ts';
import { evaluate } from './evaluate.ts';
import type { Machine } from './machine.ts';
import {
  Builtin,
  type Call,
  type Frame,
  PyDict,
  PyFunction,
  PyTuple,
  PyType,
  typeName,
  type Value,
} from './value.ts';

/**
 * Creates a function. The default values of its parameters are evaluated once, when the function is defined.
 */
export function defineFunction(node: FunctionNode, frame: Frame, machine: Machine): PyFunction {
  const defaults = new Map<string, Value>();
  for (const { name, fallback } of node.parameters)
    if (fallback !== undefined) defaults.set(name, evaluate(fallback, frame, machine));
  machine.budget.allocate(4);
  return new PyFunction(node, defaults, frame);
}

/**
 * Calls a value. @throws PythonError TypeError for a value that is not callable, or arguments that it does
 * not accept
 */
export function callValue(callee: Value, call: Call, machine: Machine): Value {
  machine.budget.spend(1);
  if (callee instanceof PyFunction)
    return machine.budget.deeper(() => {
      const frame: Frame = {
        variables: boundParameters(callee, call),
        locals: callee.node.locals,
        parent: callee.frame,
        isComprehension: false,
      };
      machine.budget.allocate(4 + frame.variables.size);
      return machine.runBody(callee.node.body, frame);
    });
  if (callee instanceof Builtin) return machine.budget.deeper(() => callee.run(call));
  if (callee instanceof PyType) {
    const [first] = call.args;
    if (callee.name === 'type' && call.args.length === 1) return typeOf(first as Value, machine);
    return machine.budget.deeper(() => callee.make(call));
  }
  throw new PythonError('TypeError', `'${typeName(callee)}' object is not callable`);
}

/**
 * Python's `type(value)`. It returns the same object as the built-in name, so that `type(x) == int` can be
 * true.
 */
function typeOf(value: Value, machine: Machine): Value {
  const name = typeName(value);
  const known = machine.builtins.get(name);
  return known instanceof PyType ? known : new PyType(name, () => null);
}

function boundParameters({ node, defaults }: PyFunction, { args, named }: Call): Map<string, Value> {
  const variables = new Map<string, Value>();
  const rest = new Map(named);
  let next = 0;
  for (const { name, kind } of node.parameters) {
    if (kind === 'star') {
      variables.set(name, new PyTuple(args.slice(next)));
      next = args.length;
    } else if (kind === 'double-star') {
      variables.set(name, new PyDict(new Map([...rest].map(([key, value]) => [`s${key}`, [key, value]]))));
      rest.clear();
    } else {
      const given = kind === 'plain' && next < args.length ? args[next++] : undefined;
      if (given !== undefined && rest.has(name))
        throw new PythonError('TypeError', `${node.name}() got multiple values for argument '${name}'`);
      // None is represented by null, so undefined means that no value was passed
      const value = [given, rest.get(name), defaults.get(name)].find((one) => one !== undefined);
      if (value === undefined)
        throw new PythonError('TypeError', `${node.name}() missing argument '${name}'`);
      variables.set(name, value);
      rest.delete(name);
    }
  }
  if (next < args.length)
    throw new PythonError(
      'TypeError',
      `${node.name}() takes ${next} positional arguments but ${args.length} were given`,
    );
  const [unknown] = rest.keys();
  if (unknown !== undefined)
    throw new PythonError('TypeError', `${node.name}() got an unexpected keyword argument '${unknown}'`);
  return variables;
}
