/**
 * Equality, order, and the keys of sets and dictionaries by Python's rules: 1, 1.0 and True are the same key.
 * @module
 */
import type { Budget } from './budget.ts';
import { PythonError } from './errors.ts';
import {
  Builtin,
  PyDict,
  PyFunction,
  PyList,
  PyModule,
  PyRange,
  PySet,
  PyTuple,
  PyType,
  PyView,
  typeName,
  type Value,
} from './value.ts';

/** Returns the numeric value of a number or bool; undefined for other values. */
export function numeric(value: Value): bigint | number | undefined {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return typeof value === 'bigint' || typeof value === 'number' ? value : undefined;
}

export function equals(left: Value, right: Value, budget: Budget): boolean {
  budget.spend(1);
  if (left === right) return true;
  const [a, b] = [numeric(left), numeric(right)];
  // biome-ignore lint/suspicious/noDoubleEquals: between BigInt and number it compares exactly
  if (a !== undefined && b !== undefined) return a == b;
  if (typeof left === 'string' && typeof right === 'string') {
    budget.spend(Math.min(left.length, right.length) / 16);
    return left === right;
  }
  if (left instanceof PyList && right instanceof PyList) return sameItems(left.items, right.items, budget);
  if (left instanceof PyTuple && right instanceof PyTuple) return sameItems(left.items, right.items, budget);
  const [one, other] = [setLike(left, budget), setLike(right, budget)];
  if (one && other) return one.members.size === other.members.size && isSubset(one, other, budget);
  if (left instanceof PyDict && right instanceof PyDict) return sameEntries(left, right, budget);
  if (left instanceof PyRange && right instanceof PyRange) {
    const sameLength = left.length === right.length;
    return sameLength && (left.length === 0n || (left.start === right.start && left.step === right.step));
  }
  return false;
}

function sameItems(left: readonly Value[], right: readonly Value[], budget: Budget): boolean {
  return (
    left.length === right.length && left.every((item, index) => equals(item, right[index] as Value, budget))
  );
}

function sameEntries(left: PyDict, right: PyDict, budget: Budget): boolean {
  if (left.entries.size !== right.entries.size) return false;
  for (const [key, [, value]] of left.entries) {
    const other = right.entries.get(key);
    if (other === undefined || !equals(value, other[1], budget)) return false;
  }
  return true;
}

/** Returns a set, or the keys or items of a dictionary as a set; undefined for other values. */
export function setLike(value: Value, budget: Budget): PySet | undefined {
  if (value instanceof PySet) return value;
  if (!(value instanceof PyView) || value.what === 'values') return undefined;
  const { entries } = value.dict;
  budget.allocate(4 * entries.size);
  if (value.what === 'keys') return new PySet(new Map([...entries].map(([key, [item]]) => [key, item])));
  const items = [...entries.values()].map((entry) => new PyTuple(entry));
  return new PySet(new Map(items.map((item) => [keyOf(item, budget), item])));
}

export function isSubset(left: PySet, right: PySet, budget: Budget): boolean {
  budget.spend(left.members.size);
  for (const key of left.members.keys()) if (!right.members.has(key)) return false;
  return true;
}

/** Python's `left < right`. @throws PythonError TypeError if the values have no order */
export function isLess(left: Value, right: Value, budget: Budget): boolean {
  return compareBy('<', left, right, budget);
}

/**
 * Compares two values by `<`, `<=`, `>` or `>=`. @throws PythonError TypeError if the values have no order
 */
export function compareBy(operator: string, left: Value, right: Value, budget: Budget): boolean {
  budget.spend(1);
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return ordered(operator, a, b);
  if (typeof left === 'string' && typeof right === 'string') {
    budget.spend(Math.min(left.length, right.length) / 16);
    return ordered(operator, codePointOrder(left, right), 0);
  }
  const [one, other] = [setLike(left, budget), setLike(right, budget)];
  if (one && other) {
    const [small, large] = operator.startsWith('<') ? [one, other] : [other, one];
    const isProper = !operator.endsWith('=');
    return isSubset(small, large, budget) && !(isProper && small.members.size === large.members.size);
  }
  if (
    (left instanceof PyList && right instanceof PyList) ||
    (left instanceof PyTuple && right instanceof PyTuple)
  )
    return itemsOrdered(operator, left.items, right.items, budget);
  throw new PythonError(
    'TypeError',
    `'${operator}' not supported between instances of '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function itemsOrdered(
  operator: string,
  left: readonly Value[],
  right: readonly Value[],
  budget: Budget,
): boolean {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const [a, b] = [left[index] as Value, right[index] as Value];
    if (!equals(a, b, budget)) return compareBy(operator, a, b, budget);
  }
  return ordered(operator, left.length, right.length);
}

function ordered(operator: string, a: bigint | number, b: bigint | number): boolean {
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

/** Compares strings by code points, as Python does; JavaScript compares them by UTF-16 code units. */
function codePointOrder(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (a === b) continue;
    const fix = (unit: number): number =>
      unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
    return fix(a) - fix(b);
  }
  return left.length - right.length;
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identityOf(value: object): number {
  const known = identities.get(value);
  if (known !== undefined) return known;
  identities.set(value, nextIdentity);
  return nextIdentity++;
}

/**
 * Returns the hash key of a value in sets and dictionaries. Two values have the same key only if they are
 * equal.
 *
 * @throws PythonError TypeError for mutable values
 */
export function keyOf(value: Value, budget: Budget): string {
  budget.spend(1);
  const number = numeric(value);
  if (number !== undefined) {
    const isWhole = typeof number === 'bigint' || Number.isInteger(number);
    return isWhole ? `i${BigInt(number)}` : `f${number}`;
  }
  if (value === null) return 'n';
  if (typeof value === 'string') {
    budget.allocate(value.length / 8);
    return `s${value}`;
  }
  if (value instanceof PyTuple)
    return joined(
      't',
      value.items.map((item) => keyOf(item, budget)),
      budget,
    );
  if (value instanceof PySet && value.frozen) return joined('z', [...value.members.keys()].sort(), budget);
  if (value instanceof PyRange) return `r${value.start},${value.length},${value.step}`;
  if (value instanceof PyType) return `c${value.name}`;
  if (value instanceof PyFunction || value instanceof Builtin || value instanceof PyModule)
    return `o${identityOf(value)}`;
  throw new PythonError('TypeError', `unhashable type: '${typeName(value)}'`);
}

/**
 * Joins keys to one text. Each key is written with its length, so that different lists of keys give different
 * texts.
 */
function joined(kind: string, keys: readonly string[], budget: Budget): string {
  budget.allocate(keys.reduce((sum, key) => sum + key.length + 4, 0) / 8);
  return `${kind}${keys.map((key) => `${key.length}:${key}`).join('')};`;
}
