/**
 * Subscripts `value[index]` and slices: reading, assignment and deletion.
 * @module
 */
import { integerOf } from './arguments.ts';
import type { Budget } from './budget.ts';
import { setEntry } from './collections.ts';
import { keyOf } from './compare.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import type { Runtime } from './runtime.ts';
import {
  characters,
  PyDict,
  PyList,
  PyModule,
  PyRange,
  PyTuple,
  PyType,
  typeName,
  type Value,
} from './value.ts';

export interface Slice {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;
}

/** Evaluates `value[index]`. @throws PythonError IndexError, KeyError or TypeError */
export function readItem(value: Value, index: Value, runtime: Runtime): Value {
  const { budget } = runtime;
  budget.spend(1);
  if (value instanceof PyDict) return readEntry(value, index, runtime);
  if (value instanceof PyList || value instanceof PyTuple)
    return value.items[position(index, value.items.length, value)] as Value;
  if (typeof value === 'string') {
    const text = characters(value);
    if (typeof text !== 'string') budget.spend(text.length);
    return text[position(index, text.length, value)] as string;
  }
  if (value instanceof PyRange)
    return value.start + value.step * BigInt(position(index, Number(value.length), value));
  if (value instanceof PyType || value instanceof PyModule)
    throw new UnsupportedFeature('types with parameters');
  throw new PythonError('TypeError', `'${typeName(value)}' object is not subscriptable`);
}

function readEntry(dict: PyDict, index: Value, runtime: Runtime): Value {
  const { budget } = runtime;
  const known = dict.entries.get(keyOf(index, budget));
  if (known !== undefined) return known[1];
  if (dict.kind === 'Counter') return 0n;
  if (dict.kind === 'dict' || dict.factory === null) throw new PythonError('KeyError', index);
  const made = runtime.call(dict.factory, []);
  setEntry(dict, index, made, budget);
  return made;
}

/**
 * Converts an index to an offset from the start of a sequence. @throws PythonError IndexError or TypeError
 */
function position(index: Value, length: number, value: Value): number {
  if (typeof index !== 'bigint' && typeof index !== 'boolean')
    throw new PythonError('TypeError', `${typeName(value)} indices must be integers, not ${typeName(index)}`);
  const at = integerOf(index);
  const from = at < 0n ? at + BigInt(length) : at;
  if (from < 0n || from >= BigInt(length))
    throw new PythonError('IndexError', `${typeName(value)} index out of range`);
  return Number(from);
}

export function readSlice(value: Value, slice: Slice, budget: Budget): Value {
  if (typeof value === 'string') {
    const text = characters(value);
    budget.allocate(text.length / 4);
    return slicePositions(slice, text.length)
      .map((at) => text[at])
      .join('');
  }
  if (value instanceof PyRange) throw new UnsupportedFeature('slices of a range');
  if (!(value instanceof PyList || value instanceof PyTuple))
    throw new PythonError('TypeError', `'${typeName(value)}' object is not subscriptable`);
  const positions = slicePositions(slice, value.items.length);
  budget.allocate(positions.length);
  const items = positions.map((at) => value.items[at] as Value);
  return value instanceof PyList ? new PyList(items) : new PyTuple(items);
}

function slicePositions({ start, stop, step }: Slice, length: number): number[] {
  const by = step === null ? 1 : clamp(integerOf(step), -length - 1, length + 1);
  if (by === 0) throw new PythonError('ValueError', 'slice step cannot be zero');
  const [lowest, highest] = by > 0 ? [0, length] : [-1, length - 1];
  const bound = (value: Value, fallback: number): number => {
    if (value === null) return fallback;
    const at = integerOf(value);
    return clamp(at < 0n ? at + BigInt(length) : at, lowest, highest);
  };
  const from = bound(start, by > 0 ? 0 : length - 1);
  const to = bound(stop, by > 0 ? length : -1);
  const positions: number[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) positions.push(at);
  return positions;
}

function clamp(value: bigint, low: number, high: number): number {
  if (value < BigInt(low)) return low;
  return value > BigInt(high) ? high : Number(value);
}

/**
 * Executes `target[index] = value`. @throws PythonError for a target or an index that does not support
 * assignment
 */
export function writeItem(target: Value, index: Value, value: Value, budget: Budget): void {
  budget.spend(1);
  if (target instanceof PyDict) setEntry(target, index, value, budget);
  else if (target instanceof PyList) target.items[position(index, target.items.length, target)] = value;
  else throw new PythonError('TypeError', `'${typeName(target)}' object does not support item assignment`);
}

export function writeSlice(target: Value, slice: Slice, items: readonly Value[]): void {
  if (!(target instanceof PyList))
    throw new PythonError('TypeError', `'${typeName(target)}' object does not support item assignment`);
  if (slice.step !== null && slice.step !== 1n)
    throw new UnsupportedFeature('assignment to a slice with a step');
  const positions = slicePositions(slice, target.items.length);
  const all = target.items.splice(0, target.items.length);
  const from = positions[0] ?? slicePositions({ ...slice, stop: null }, all.length)[0] ?? all.length;
  for (const item of [...all.slice(0, from), ...items, ...all.slice(from + positions.length)])
    target.items.push(item);
}

export function deleteItem(target: Value, index: Value, budget: Budget): void {
  budget.spend(1);
  if (target instanceof PyDict) {
    if (!target.entries.delete(keyOf(index, budget))) throw new PythonError('KeyError', index);
  } else if (target instanceof PyList) {
    budget.spend(target.items.length / 16);
    target.items.splice(position(index, target.items.length, target), 1);
  } else throw new PythonError('TypeError', `'${typeName(target)}' object doesn't support item deletion`);
}
