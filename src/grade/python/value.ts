/**
 * Python's values. Integers are BigInt, floats are numbers, None is null. Types that JavaScript lacks are
 * classes in this file. No value gives a program access to a host object, because attributes are looked up
 * only in tables of this interpreter.
 * @module
 */
import type { FunctionNode } from './ast.ts';

/** A value of a Python program. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | PyList
  | PyTuple
  | PySet
  | PyDict
  | PyView
  | PyRange
  | PyIterator
  | PyFunction
  | Builtin
  | PyType
  | PyModule
  | PyException;

export class PyList {
  readonly items: Value[];
  constructor(items: Value[]) {
    this.items = items;
  }
}

export class PyTuple {
  readonly items: readonly Value[];
  constructor(items: readonly Value[]) {
    this.items = items;
  }
}

/** A set. It iterates in insertion order, whereas the order of a set in CPython is arbitrary. */
export class PySet {
  /** By {@link keyOf}. */
  readonly members: Map<string, Value>;
  readonly frozen: boolean;
  constructor(members: Map<string, Value>, frozen = false) {
    this.members = members;
    this.frozen = frozen;
  }
}

export class PyDict {
  /** By {@link keyOf}. */
  readonly entries: Map<string, readonly [key: Value, value: Value]>;
  readonly kind: 'dict' | 'Counter' | 'defaultdict';
  /** The function of a defaultdict that returns the value of a missing key. */
  readonly factory: Value;
  constructor(
    entries: Map<string, readonly [key: Value, value: Value]>,
    { kind = 'dict', factory = null }: { readonly kind?: PyDict['kind']; readonly factory?: Value } = {},
  ) {
    this.entries = entries;
    this.kind = kind;
    this.factory = factory;
  }
}

/** The result of `keys()`, `values()` or `items()`: a live view of the current entries of a dictionary. */
export class PyView {
  readonly what: 'keys' | 'values' | 'items';
  readonly dict: PyDict;
  constructor(what: PyView['what'], dict: PyDict) {
    this.what = what;
    this.dict = dict;
  }
}

export class PyRange {
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;
  constructor(start: bigint, stop: bigint, step: bigint) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): bigint {
    const { start, stop, step } = this;
    const span = step > 0n ? stop - start + step - 1n : stop - start + step + 1n;
    return span / step > 0n ? span / step : 0n;
  }
}

/** An iterator that can be consumed once: a generator, or the result of map, zip, reversed, ... */
export class PyIterator {
  readonly kind: string;
  readonly source: Iterator<Value>;
  constructor(kind: string, source: Iterator<Value>) {
    this.kind = kind;
    this.source = source;
  }
}

/** Variables of a function call, of a comprehension, or (without `locals`) of the module. */
export interface Frame {
  readonly variables: Map<string, Value>;
  /** Names of the local variables of the frame; undefined for the module. */
  readonly locals: ReadonlySet<string> | undefined;
  readonly parent: Frame | undefined;
  readonly isComprehension: boolean;
}

export class PyFunction {
  readonly node: FunctionNode;
  readonly defaults: ReadonlyMap<string, Value>;
  readonly frame: Frame;
  constructor(node: FunctionNode, defaults: ReadonlyMap<string, Value>, frame: Frame) {
    this.node = node;
    this.defaults = defaults;
    this.frame = frame;
  }
}

/** The arguments of a call. */
export interface Call {
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export class Builtin {
  readonly name: string;
  readonly run: (call: Call) => Value;
  /** Attributes of the function by name, such as `from_iterable` of `chain`. */
  readonly members: ReadonlyMap<string, Value>;
  constructor(name: string, run: (call: Call) => Value, members: ReadonlyMap<string, Value> = new Map()) {
    this.name = name;
    this.run = run;
    this.members = members;
  }
}

export class PyType {
  readonly name: string;
  /** Name of the base type, e.g. `int` for `bool`. */
  readonly base: string | undefined;
  readonly isException: boolean;
  readonly make: (call: Call) => Value;
  readonly members: ReadonlyMap<string, Value>;
  constructor(
    name: string,
    make: (call: Call) => Value,
    options: {
      readonly base?: string;
      readonly isException?: boolean;
      readonly members?: ReadonlyMap<string, Value>;
    } = {},
  ) {
    this.name = name;
    this.make = make;
    this.base = options.base;
    this.isException = options.isException ?? false;
    this.members = options.members ?? new Map();
  }
}

export class PyModule {
  readonly name: string;
  readonly members: ReadonlyMap<string, Value>;
  constructor(name: string, members: ReadonlyMap<string, Value>) {
    this.name = name;
    this.members = members;
  }
}

export class PyException {
  readonly type: string;
  readonly args: readonly Value[];
  constructor(type: string, args: readonly Value[]) {
    this.type = type;
    this.args = args;
  }
}

/** Returns the name of a value's type, as Python writes it. */
export function typeName(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'float';
    case 'string':
      return 'str';
    default:
      return objectTypeName(value);
  }
}

function objectTypeName(value: Exclude<Value, boolean | bigint | number | string>): string {
  if (value === null) return 'NoneType';
  if (value instanceof PyList) return 'list';
  if (value instanceof PyTuple) return 'tuple';
  if (value instanceof PySet) return value.frozen ? 'frozenset' : 'set';
  if (value instanceof PyDict) return value.kind;
  if (value instanceof PyView) return `dict_${value.what}`;
  if (value instanceof PyRange) return 'range';
  if (value instanceof PyIterator) return value.kind;
  if (value instanceof PyFunction) return 'function';
  if (value instanceof Builtin) return 'builtin_function_or_method';
  if (value instanceof PyType) return 'type';
  if (value instanceof PyModule) return 'module';
  return value.type;
}

/** Python's `bool(value)`. */
export function isTruthy(value: Value): boolean {
  if (typeof value === 'object' && value !== null) {
    if (value instanceof PyList || value instanceof PyTuple) return value.items.length > 0;
    if (value instanceof PySet) return value.members.size > 0;
    if (value instanceof PyDict) return value.entries.size > 0;
    if (value instanceof PyView) return value.dict.entries.size > 0;
    if (value instanceof PyRange) return value.length > 0n;
    return true;
  }
  return value !== null && value !== false && value !== 0n && value !== 0 && value !== '';
}

/** Returns the characters of a string. Python's characters are code points, not UTF-16 code units. */
export function characters(text: string): readonly string[] | string {
  return /[\ud800-\udfff]/.test(text) ? [...text] : text;
}
