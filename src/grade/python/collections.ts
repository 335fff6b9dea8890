/**
 * Iterates over values and builds sets and dictionaries.
 * @module
 */
import type { Budget } from './budget.ts';
import { keyOf } from './compare.ts';
import { PythonError } from './errors.ts';
import {
  characters,
  PyDict,
  PyIterator,
  PyList,
  PyRange,
  PySet,
  PyTuple,
  PyView,
  typeName,
  type Value,
} from './value.ts';

/** Returns an iterator over the elements of an iterable. @throws PythonError TypeError for other values */
export function iterate(value: Value, budget: Budget): Iterator<Value> {
  if (value instanceof PyIterator) return value.source;
  if (typeof value === 'string') return counted(characters(value), budget);
  if (value instanceof PyTuple || value instanceof PyList) return counted(value.items, budget);
  if (value instanceof PySet) return steady(value.members, (member) => member, budget);
  if (value instanceof PyDict) return steady(value.entries, ([key]) => key, budget);
  if (value instanceof PyView) return viewElements(value, budget);
  if (value instanceof PyRange) return rangeElements(value, budget);
  throw new PythonError('TypeError', `'${typeName(value)}' object is not iterable`);
}

/**
 * Like {@link iterate}, but can be used in `for ... of`. Leaving the loop early does not close the iterator,
 * as in Python.
 */
export function elements(value: Value, budget: Budget): Iterable<Value> {
  const source = iterate(value, budget);
  return { [Symbol.iterator]: () => ({ next: () => source.next() }) };
}

/** All elements at once. */
export function toArray(value: Value, budget: Budget): Value[] {
  const items: Value[] = [];
  for (const item of elements(value, budget)) {
    budget.allocate(1);
    items.push(item);
  }
  return items;
}

/**
 * Iterates over a sequence and spends a step per element. Elements that are added meanwhile are included, as
 * in Python.
 */
function* counted(items: readonly Value[] | string, budget: Budget): Generator<Value> {
  for (let index = 0; index < items.length; index++) {
    budget.spend(1);
    yield items[index] as Value;
  }
}

function* steady<T>(map: Map<string, T>, read: (entry: T) => Value, budget: Budget): Generator<Value> {
  const { size } = map;
  for (const entry of map.values()) {
    if (map.size !== size) throw new PythonError('RuntimeError', 'changed size during iteration');
    budget.spend(1);
    yield read(entry);
  }
}

function viewElements({ what, dict }: PyView, budget: Budget): Iterator<Value> {
  if (what === 'keys') return steady(dict.entries, ([key]) => key, budget);
  if (what === 'values') return steady(dict.entries, ([, one]) => one, budget);
  return steady(dict.entries, (entry) => new PyTuple(entry), budget);
}

function* rangeElements({ start, step, length }: PyRange, budget: Budget): Generator<Value> {
  for (let index = 0n; index < length; index++) {
    budget.spend(1);
    yield start + index * step;
  }
}

export function setOf(items: Iterable<Value>, budget: Budget, frozen = false): PySet {
  const members = new Map<string, Value>();
  for (const item of items) addMember(members, item, budget);
  return new PySet(members, frozen);
}

export function addMember(members: Map<string, Value>, item: Value, budget: Budget): void {
  const key = keyOf(item, budget);
  if (members.has(key)) return;
  budget.allocate(4);
  members.set(key, item);
}

/**
 * Sets an entry of a dictionary. If an equal key exists, the dictionary keeps it and replaces its value, as
 * in Python.
 */
export function setEntry(dict: PyDict, key: Value, value: Value, budget: Budget): void {
  const name = keyOf(key, budget);
  const known = dict.entries.get(name);
  if (known === undefined) budget.allocate(4);
  dict.entries.set(name, [known?.[0] ?? key, value]);
}

export function dictOf(entries: Iterable<readonly [Value, Value]>, budget: Budget): PyDict {
  const dict = new PyDict(new Map());
  for (const [key, value] of entries) setEntry(dict, key, value, budget);
  return dict;
}

/**
 * Iterates over the elements of a value as pairs. @throws PythonError ValueError for an element that is not a
 * pair
 */
export function* pairs(value: Value, budget: Budget): Generator<readonly [Value, Value]> {
  for (const item of elements(value, budget)) {
    const [key, one, ...more] = toArray(item, budget);
    if (key === undefined || one === undefined || more.length > 0)
      throw new PythonError(
        'ValueError',
        'dictionary update sequence element has another length; 2 is required',
      );
    yield [key, one];
  }
}
