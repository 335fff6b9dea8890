/**
 * Attribute access `value.name`: looks names up in the method tables of this interpreter, never on a host object.
 * @module
 */
import { DICT_METHODS, LIST_METHODS, SET_METHODS, TUPLE_METHODS } from './container-methods.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import type { Method, Runtime } from './runtime.ts';
import { STRING_METHODS } from './string-methods.ts';
import {
  Builtin,
  PyDict,
  PyException,
  PyFunction,
  PyList,
  PyModule,
  PySet,
  PyTuple,
  PyType,
  typeName,
  type Value,
} from './value.ts';

/** Names of the methods of all types. */
export const METHOD_NAMES: ReadonlySet<string> = new Set(
  [STRING_METHODS, LIST_METHODS, TUPLE_METHODS, SET_METHODS, DICT_METHODS].flatMap((table) => [
    ...table.keys(),
  ]),
);

/**
 * Returns the attribute `name` of a value.
 *
 * @throws PythonError AttributeError for an attribute that the value does not have in CPython either
 * @throws UnsupportedFeature for an attribute that the value may have in CPython
 */
export function readAttribute(value: Value, name: string, runtime: Runtime): Value {
  runtime.budget.spend(1);
  const bind = <T extends Value>(self: T, method: Method<T> | undefined): Value => {
    if (method === undefined) return missing(value, name);
    return new Builtin(name, (call) => method(self, call, runtime));
  };
  if (typeof value === 'string') return bind(value, STRING_METHODS.get(name));
  if (value instanceof PyList) return bind(value, LIST_METHODS.get(name));
  if (value instanceof PyTuple) return bind(value, TUPLE_METHODS.get(name));
  if (value instanceof PySet) return bind(value, SET_METHODS.get(name));
  if (value instanceof PyDict) {
    if (name === 'most_common' && value.kind !== 'Counter') return missing(value, name);
    return bind(value, DICT_METHODS.get(name));
  }
  if (value instanceof PyModule || value instanceof Builtin || value instanceof PyType) {
    const member = value.members.get(name);
    if (member !== undefined) return member;
    if (name === '__name__') return value.name;
    const method = value instanceof PyType ? unbound(value.name, name, runtime) : undefined;
    if (method === undefined) throw new UnsupportedFeature(`${value.name}.${name}`);
    return method;
  }
  if (value instanceof PyFunction && name === '__name__') return value.node.name;
  if (value instanceof PyException && name === 'args') return new PyTuple(value.args);
  return missing(value, name);
}

/** Returns an unbound method such as `str.lower`, which takes the object as its first argument. */
function unbound(type: string, name: string, runtime: Runtime): Value | undefined {
  const known = {
    str: STRING_METHODS,
    list: LIST_METHODS,
    set: SET_METHODS,
    dict: DICT_METHODS,
    tuple: TUPLE_METHODS,
  };
  const table = Object.entries(known).find(([one]) => one === type)?.[1];
  if (!table?.has(name)) return undefined;
  return new Builtin(name, ({ args: [self = null, ...args], named }) => {
    if (typeName(self) !== type)
      throw new PythonError('TypeError', `descriptor '${name}' requires a '${type}' object`);
    const method = readAttribute(self, name, runtime);
    return method instanceof Builtin ? method.run({ args, named }) : null;
  });
}

/**
 * Throws the error for a missing attribute. The name of a method of another type is an error of the program;
 * any other name may be a feature that the interpreter does not support.
 */
function missing(value: Value, name: string): never {
  if (METHOD_NAMES.has(name) && !name.startsWith('_'))
    throw new PythonError('AttributeError', `'${typeName(value)}' object has no attribute '${name}'`);
  throw new UnsupportedFeature(`${typeName(value)}.${name}`);
}
