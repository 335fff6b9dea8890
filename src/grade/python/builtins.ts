/**
 * Python's built-in functions and types that the checkers of puzzles need. None of them can access a file, the
 * network, the clock, other code or the interpreter itself.
 * @module
 */
import { integerOf, readArguments, textArgument } from './arguments.ts';
import { dictOf, elements, iterate, pairs, setEntry, setOf, toArray } from './collections.ts';
import { numeric } from './compare.ts';
import { fromKeys } from './container-methods.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { exceptionTypes } from './exceptions.ts';
import { binary } from './operators.ts';
import { wholePart } from './percent-format.ts';
import { format, repr, str } from './repr.ts';
import type { Runtime } from './runtime.ts';
import { extreme, sorted } from './sorted.ts';
import {
  Builtin,
  type Call,
  characters,
  isTruthy,
  PyDict,
  PyIterator,
  PyList,
  PyRange,
  PySet,
  PyTuple,
  PyType,
  PyView,
  typeName,
  type Value,
} from './value.ts';

type Run = (call: Call, runtime: Runtime) => Value;

/** Creates the built-in functions and types of one interpreter. */
export function builtins(runtime: Runtime): Map<string, Value> {
  const names = new Map<string, Value>(exceptionTypes());
  for (const [name, run] of Object.entries(FUNCTIONS))
    names.set(name, new Builtin(name, (call) => run(call, runtime)));
  for (const [name, run] of Object.entries(TYPES)) {
    const members = new Map<string, Value>(
      name === 'dict' ? [['fromkeys', new Builtin('fromkeys', (call) => fromKeys(call, runtime))]] : [],
    );
    const base = name === 'bool' ? { base: 'int' } : {};
    names.set(name, new PyType(name, (call) => run(call, runtime), { ...base, members }));
  }
  return names;
}

const first = (name: string, call: Call): Value => readArguments(name, call, { most: 1 }).need(0);

const TYPES: Readonly<Record<string, Run>> = {
  bool: (call) => isTruthy(readArguments('bool', call, { most: 1 }).take(0) ?? false),
  int: (call) => toInteger(call),
  float: (call) => toFloat(readArguments('float', call, { most: 1 }).take(0) ?? 0),
  str: (call, { budget }) => {
    const value = readArguments('str', call, { most: 1 }).take(0);
    return value === undefined ? '' : str(value, budget);
  },
  list: (call, { budget }) => new PyList(itemsOf('list', call, budget)),
  tuple: (call, { budget }) => new PyTuple(itemsOf('tuple', call, budget)),
  set: (call, { budget }) => setOf(itemsOf('set', call, budget), budget),
  frozenset: (call, { budget }) => setOf(itemsOf('frozenset', call, budget), budget, true),
  dict: ({ args, named }, { budget }) => {
    const source = readArguments('dict', { args, named: new Map() }, { most: 1 }).take(0);
    const dict = dictOf(
      source instanceof PyDict ? source.entries.values() : source === undefined ? [] : pairs(source, budget),
      budget,
    );
    for (const [name, value] of named) setEntry(dict, name, value, budget);
    return dict;
  },
  range: (call) => {
    const read = readArguments('range', call, { most: 3 });
    const [a, b, step] = [read.need(0), read.take(1), read.take(2)];
    const by = integerOf(step ?? 1n);
    if (by === 0n) throw new PythonError('ValueError', 'range() arg 3 must not be zero');
    return b === undefined ? new PyRange(0n, integerOf(a), by) : new PyRange(integerOf(a), integerOf(b), by);
  },
  type: (call) => {
    // callValue evaluates `type(x)` with one argument
    throw new UnsupportedFeature(`type() with ${call.args.length} arguments`);
  },
  object: () => {
    throw new UnsupportedFeature('object()');
  },
};

function itemsOf(name: string, call: Call, budget: Runtime['budget']): Value[] {
  const source = readArguments(name, call, { most: 1 }).take(0);
  return source === undefined ? [] : toArray(source, budget);
}

const FUNCTIONS: Readonly<Record<string, Run>> = {
  len: (call) => lengthOf(first('len', call)),
  abs: (call): Value => {
    const number = needNumber(first('abs', call));
    if (typeof number === 'number') return Math.abs(number);
    return number < 0n ? -number : number;
  },
  all: (call, { budget }) => {
    for (const item of elements(first('all', call), budget)) if (!isTruthy(item)) return false;
    return true;
  },
  any: (call, { budget }) => {
    for (const item of elements(first('any', call), budget)) if (isTruthy(item)) return true;
    return false;
  },
  sum: (call, { budget }) => {
    const read = readArguments('sum', call, { most: 2, names: ['start'] });
    let total: Value = read.take(1, 'start') ?? 0n;
    if (typeof total === 'string') throw new PythonError('TypeError', "sum() can't sum strings");
    for (const item of elements(read.need(0), budget)) total = binary('+', total, item, budget);
    return total;
  },
  max: (call, runtime) => extremeOf('max', call, runtime),
  min: (call, runtime) => extremeOf('min', call, runtime),
  sorted: (call, runtime) => {
    const read = readArguments('sorted', call, { most: 1, names: ['key', 'reverse'] });
    return new PyList(sorted(toArray(read.need(0), runtime.budget), read, runtime));
  },
  reversed: (call, { budget }) => {
    const source = first('reversed', call);
    if (source instanceof PySet || source instanceof PyIterator)
      throw new PythonError('TypeError', `'${typeName(source)}' object is not reversible`);
    return new PyIterator('reversed', toArray(source, budget).reverse()[Symbol.iterator]());
  },
  enumerate: (call, { budget }) => {
    const read = readArguments('enumerate', call, { most: 2, names: ['iterable', 'start'] });
    const source = iterate(read.need(0, 'iterable'), budget);
    return new PyIterator('enumerate', numbered(source, integerOf(read.take(1, 'start') ?? 0n)));
  },
  zip: ({ args, named }, { budget }) => {
    const isStrict = isTruthy(
      readArguments('zip', { args: [], named }, { most: 0, names: ['strict'] }).take(0, 'strict') ?? false,
    );
    return new PyIterator(
      'zip',
      zipped(
        args.map((one) => iterate(one, budget)),
        isStrict,
      ),
    );
  },
  map: ({ args, named }, runtime) => {
    const [callee] = args;
    const sources = args.slice(1).map((one) => iterate(one, runtime.budget));
    readArguments('map', { args: [], named }, { most: 0 });
    if (callee === undefined || sources.length === 0)
      throw new PythonError('TypeError', 'map() must have two arguments');
    return new PyIterator('map', mapped(callee, sources, runtime));
  },
  filter: (call, runtime) => {
    const read = readArguments('filter', call, { most: 2 });
    return new PyIterator('filter', filtered(read.need(0), read.need(1), runtime));
  },
  iter: (call, { budget }) => {
    const source = first('iter', call);
    return source instanceof PyIterator ? source : new PyIterator('iterator', iterate(source, budget));
  },
  next: (call, { budget }) => {
    const read = readArguments('next', call, { most: 2 });
    const source = read.need(0);
    if (!(source instanceof PyIterator))
      throw new PythonError('TypeError', `'${typeName(source)}' object is not an iterator`);
    budget.spend(1);
    const step = source.source.next();
    if (!step.done) return step.value;
    const fallback = read.take(1);
    if (fallback === undefined) throw new PythonError('StopIteration');
    return fallback;
  },
  print: (call, runtime) => {
    const parts = call.args.map((one) => str(one, runtime.budget));
    runtime.print(parts.join(' '));
    return null;
  },
  repr: (call, { budget }) => repr(first('repr', call), budget),
  format: (call, { budget }) => {
    const read = readArguments('format', call, { most: 2 });
    return format(read.need(0), textArgument(read.take(1) ?? ''), budget);
  },
  round: (call) => rounded(call),
  divmod: (call, { budget }) => {
    const read = readArguments('divmod', call, { most: 2 });
    const [a, b] = [read.need(0), read.need(1)];
    return new PyTuple([binary('//', a, b, budget), binary('%', a, b, budget)]);
  },
  pow: (call, { budget }) => {
    const read = readArguments('pow', call, { most: 2 });
    return binary('**', read.need(0), read.need(1), budget);
  },
  ord: (call) => {
    const text = textArgument(first('ord', call));
    if (characters(text).length !== 1) throw new PythonError('TypeError', 'ord() expected a character');
    return BigInt(text.codePointAt(0) as number);
  },
  chr: (call) => {
    const code = integerOf(first('chr', call));
    if (code < 0n || code > 0x10ffffn)
      throw new PythonError('ValueError', 'chr() arg not in range(0x110000)');
    return String.fromCodePoint(Number(code));
  },
  isinstance: (call) => {
    const read = readArguments('isinstance', call, { most: 2 });
    return isInstance(read.need(0), read.need(1));
  },
  callable: (call) => {
    const value = first('callable', call);
    return value instanceof Builtin || value instanceof PyType || typeName(value) === 'function';
  },
};

/** Base types by type name: a bool is an int, a Counter is a dict. */
const BASES: Readonly<Record<string, string>> = { bool: 'int', Counter: 'dict', defaultdict: 'dict' };

function isInstance(value: Value, wanted: Value): boolean {
  if (wanted instanceof PyTuple) return wanted.items.some((one) => isInstance(value, one));
  if (!(wanted instanceof PyType))
    throw new PythonError('TypeError', 'isinstance() arg 2 must be a type or a tuple of types');
  const name = typeName(value);
  return wanted.name === 'object' || name === wanted.name || BASES[name] === wanted.name;
}

/** Python's `len`. @throws PythonError TypeError for a value without a length */
export function lengthOf(value: Value): bigint {
  if (typeof value === 'string') return BigInt(characters(value).length);
  if (value instanceof PyList || value instanceof PyTuple) return BigInt(value.items.length);
  if (value instanceof PySet) return BigInt(value.members.size);
  if (value instanceof PyDict) return BigInt(value.entries.size);
  if (value instanceof PyView) return BigInt(value.dict.entries.size);
  if (value instanceof PyRange) return value.length;
  throw new PythonError('TypeError', `object of type '${typeName(value)}' has no len()`);
}

function needNumber(value: Value): bigint | number {
  const number = numeric(value);
  if (number === undefined) throw new PythonError('TypeError', `expected a number, got ${typeName(value)}`);
  return number;
}

function toInteger(call: Call): bigint {
  const read = readArguments('int', call, { most: 2, names: ['base'] });
  const value = read.take(0) ?? 0n;
  if (read.take(1, 'base') !== undefined) throw new UnsupportedFeature('int() with a base');
  if (typeof value === 'string') {
    const digits = value.trim();
    if (!/^[+-]?\d+(?:_\d+)*$/.test(digits) || digits.length > 4300)
      throw new PythonError('ValueError', 'invalid literal for int() with base 10');
    return BigInt(digits.replace(/^\+|_/g, ''));
  }
  const number = needNumber(value);
  return typeof number === 'bigint' ? number : wholePart(number);
}

function toFloat(value: Value): number {
  if (typeof value !== 'string') return Number(needNumber(value));
  const text = value.trim().toLowerCase();
  const special = /^([+-]?)(inf|infinity|nan)$/.exec(text);
  if (special)
    return (special[1] === '-' ? -1 : 1) * (special[2] === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY);
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text))
    throw new PythonError('ValueError', 'could not convert string to float');
  return Number(text);
}

/** Python's `round`. Without `ndigits` it returns an integer, and halves are rounded to the even one. */
function rounded(call: Call): Value {
  const read = readArguments('round', call, { most: 2, names: ['ndigits'] });
  const number = needNumber(read.need(0));
  const digits = read.take(1, 'ndigits') ?? null;
  if (typeof number === 'bigint') {
    if (digits !== null && integerOf(digits) < 0n) throw new UnsupportedFeature('round() to tens');
    return number;
  }
  if (digits === null) {
    const whole = wholePart(number);
    const rest = number - Number(whole);
    const isHalf = Math.abs(rest) === 0.5;
    const up = rest > 0 ? 1n : -1n;
    return Math.abs(rest) > 0.5 || (isHalf && whole % 2n !== 0n) ? whole + up : whole;
  }
  const places = integerOf(digits);
  if (places < 0n || places > 100n) throw new UnsupportedFeature('round() to so many digits');
  return Number.isFinite(number) ? Number(number.toFixed(Number(places))) : number;
}

function extremeOf(which: 'max' | 'min', call: Call, runtime: Runtime): Value {
  const { args, named } = call;
  const read = readArguments(which, { args: [], named }, { most: 0, names: ['key', 'default'] });
  if (args.length === 0) throw new PythonError('TypeError', `${which} expected at least 1 argument, got 0`);
  const items = args.length === 1 ? toArray(args[0] as Value, runtime.budget) : args;
  const best =
    extreme(items, { which, key: read.take(0, 'key') ?? null, runtime }) ?? read.take(0, 'default');
  if (best === undefined) throw new PythonError('ValueError', `${which}() iterable argument is empty`);
  return best;
}

function* numbered(source: Iterator<Value>, start: bigint): Generator<Value> {
  let at = start;
  for (let step = source.next(); !step.done; step = source.next()) yield new PyTuple([at++, step.value]);
}

function* zipped(sources: readonly Iterator<Value>[], isStrict: boolean): Generator<Value> {
  while (sources.length > 0) {
    const items: Value[] = [];
    for (const source of sources) {
      const step = source.next();
      if (!step.done) items.push(step.value);
      else if (isStrict && (items.length > 0 || sources.some((one) => !one.next().done)))
        throw new PythonError('ValueError', 'zip() arguments have different lengths');
      else return;
    }
    yield new PyTuple(items);
  }
}

function* mapped(callee: Value, sources: readonly Iterator<Value>[], runtime: Runtime): Generator<Value> {
  for (const tuple of zipped(sources, false)) yield runtime.call(callee, (tuple as PyTuple).items);
}

function* filtered(test: Value, source: Value, runtime: Runtime): Generator<Value> {
  for (const item of elements(source, runtime.budget))
    if (isTruthy(test === null ? item : runtime.call(test, [item]))) yield item;
}
