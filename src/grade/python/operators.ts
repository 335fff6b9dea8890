/**
 * Evaluates Python's arithmetic, bitwise, set and comparison operators.
 * @module
 */
import type { Budget } from './budget.ts';
import { elements } from './collections.ts';
import { compareBy, equals, keyOf, numeric, setLike } from './compare.ts';
import { LimitExceeded, PythonError } from './errors.ts';
import { percentFormat } from './percent-format.ts';
import { isTruthy, PyDict, PyList, PyRange, PySet, PyTuple, PyView, typeName, type Value } from './value.ts';

/** Maximum size of an integer in bits, far larger than needed to count arrangements. */
const MAX_BITS = 65_536;

export function binary(operator: string, left: Value, right: Value, budget: Budget): Value {
  budget.spend(1);
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) {
    if (typeof left === 'boolean' && typeof right === 'boolean' && '&|^'.includes(operator))
      return operator === '&' ? left && right : operator === '|' ? left || right : left !== right;
    if (typeof a === 'bigint' && typeof b === 'bigint') return integers(operator, a, b, budget);
    const result = floats(operator, Number(a), Number(b));
    if (result !== undefined) return result;
  }
  return (
    sequences(operator, left, right, budget) ??
    sets(operator, left, right, budget) ??
    texts(operator, left, right, budget) ??
    refuse(operator, left, right)
  );
}

function refuse(operator: string, left: Value, right: Value): never {
  throw new PythonError(
    'TypeError',
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}

function integers(operator: string, a: bigint, b: bigint, budget: Budget): Value {
  switch (operator) {
    case '+':
      return bounded(a + b);
    case '-':
      return bounded(a - b);
    case '*':
      budget.spend((bits(a) * bits(b)) / 65_536);
      return bounded(a * b);
    case '&':
      return a & b;
    case '|':
      return a | b;
    case '^':
      return a ^ b;
    case '**':
      return power(a, b, budget);
    case '<<':
      if (b < 0n) throw new PythonError('ValueError', 'negative shift count');
      if (b > MAX_BITS) throw new LimitExceeded(`integers of more than ${MAX_BITS} bits`);
      return bounded(a << b);
    case '>>':
      if (b < 0n) throw new PythonError('ValueError', 'negative shift count');
      return a >> (b > MAX_BITS ? BigInt(MAX_BITS) : b);
  }
  if (b === 0n) throw new PythonError('ZeroDivisionError', 'division by zero');
  if (operator === '/') return Number(a) / Number(b);
  const remainder = ((a % b) + b) % b;
  return operator === '%' ? remainder : (a - remainder) / b;
}

function power(base: bigint, exponent: bigint, budget: Budget): Value {
  if (exponent < 0n) {
    if (base === 0n) throw new PythonError('ZeroDivisionError', '0.0 cannot be raised to a negative power');
    return Number(base) ** Number(exponent);
  }
  if (base === 0n || base === 1n) return exponent === 0n ? 1n : base;
  if (base === -1n) return exponent % 2n === 0n ? 1n : -1n;
  const size = bits(base) * Number(exponent);
  if (size > MAX_BITS) throw new LimitExceeded(`integers of more than ${MAX_BITS} bits`);
  budget.spend(size / 64);
  return base ** exponent;
}

/** Returns the size of an integer in bits, overestimated by at most 4. */
function bits(value: bigint): number {
  const isSmall = value < 4_294_967_296n && value > -4_294_967_296n;
  return isSmall ? 32 - Math.clz32(Number(value < 0n ? -value : value)) : value.toString(16).length * 4;
}

function bounded(value: bigint): bigint {
  if (bits(value) > MAX_BITS + 4) throw new LimitExceeded(`integers of more than ${MAX_BITS} bits`);
  return value;
}

function floats(operator: string, a: number, b: number): number | undefined {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  if (operator === '*') return a * b;
  if (operator === '**') {
    if (a === 0 && b < 0)
      throw new PythonError('ZeroDivisionError', '0.0 cannot be raised to a negative power');
    return a ** b;
  }
  if (!['/', '//', '%'].includes(operator)) return undefined;
  if (b === 0) throw new PythonError('ZeroDivisionError', 'division by zero');
  if (operator === '/') return a / b;
  const remainder = a % b;
  const fitting = remainder !== 0 && remainder < 0 !== b < 0 ? remainder + b : remainder;
  return operator === '%' ? fitting : Math.round((a - fitting) / b);
}

function sequences(operator: string, left: Value, right: Value, budget: Budget): Value | undefined {
  if (operator === '+') {
    if (left instanceof PyList && right instanceof PyList) {
      budget.allocate(left.items.length + right.items.length);
      return new PyList([...left.items, ...right.items]);
    }
    if (left instanceof PyTuple && right instanceof PyTuple) {
      budget.allocate(left.items.length + right.items.length);
      return new PyTuple([...left.items, ...right.items]);
    }
    if (typeof left !== 'string' || typeof right !== 'string') return undefined;
    budget.allocate((left.length + right.length) / 4);
    return left + right;
  }
  if (operator !== '*') return undefined;
  const [times, sequence] = numeric(left) === undefined ? [numeric(right), left] : [numeric(left), right];
  if (typeof times !== 'bigint') return undefined;
  return repeated(sequence, times < 0n ? 0 : Number(times), budget);
}

function repeated(sequence: Value, times: number, budget: Budget): Value | undefined {
  if (typeof sequence === 'string') {
    budget.allocate((sequence.length * times) / 4);
    return sequence.repeat(sequence === '' ? 0 : times);
  }
  if (!(sequence instanceof PyList || sequence instanceof PyTuple)) return undefined;
  budget.allocate(sequence.items.length * times);
  const items: Value[] = [];
  if (sequence.items.length > 0) for (let round = 0; round < times; round++) items.push(...sequence.items);
  return sequence instanceof PyList ? new PyList(items) : new PyTuple(items);
}

function sets(operator: string, left: Value, right: Value, budget: Budget): Value | undefined {
  if (operator === '|' && left instanceof PyDict && right instanceof PyDict) {
    budget.allocate(4 * (left.entries.size + right.entries.size));
    return new PyDict(new Map([...left.entries, ...right.entries]));
  }
  const [one, other] = [setLike(left, budget), setLike(right, budget)];
  return one && other ? combineSets(operator, one, other, budget) : undefined;
}

function combineSets(operator: string, left: PySet, right: PySet, budget: Budget): Value | undefined {
  budget.allocate(4 * (left.members.size + right.members.size));
  const inRight = ([key]: readonly [string, Value]): boolean => right.members.has(key);
  const onlyLeft = [...left.members].filter((entry) => !inRight(entry));

  if (operator === '&') return new PySet(new Map([...left.members].filter(inRight)), left.frozen);
  if (operator === '-') return new PySet(new Map(onlyLeft), left.frozen);
  if (operator !== '^' && operator !== '|') return undefined;
  const onlyRight = [...right.members].filter(([key]) => !left.members.has(key));
  return new PySet(new Map([...(operator === '|' ? left.members : onlyLeft), ...onlyRight]), left.frozen);
}

function texts(operator: string, left: Value, right: Value, budget: Budget): Value | undefined {
  return operator === '%' && typeof left === 'string' ? percentFormat(left, right, budget) : undefined;
}

export function unary(operator: string, value: Value): Value {
  if (operator === 'not') return !isTruthy(value);
  const number = numeric(value);
  if (number !== undefined) {
    if (operator === '-') return -number;
    if (operator === '+') return number;
    if (typeof number === 'bigint') return ~number;
  }
  throw new PythonError('TypeError', `bad operand type for unary ${operator}: '${typeName(value)}'`);
}

/** Evaluates a comparison operator: `==`, `<`, `in`, `is`, ... */
export function compare(operator: string, left: Value, right: Value, budget: Budget): boolean {
  switch (operator) {
    case '==':
      return equals(left, right, budget);
    case '!=':
      return !equals(left, right, budget);
    case 'in':
      return contains(right, left, budget);
    case 'not in':
      return !contains(right, left, budget);
    case 'is':
      return left === right;
    case 'is not':
      return left !== right;
    default:
      return compareBy(operator, left, right, budget);
  }
}

function contains(whole: Value, part: Value, budget: Budget): boolean {
  budget.spend(1);
  if (whole instanceof PyDict) return whole.entries.has(keyOf(part, budget));
  if (whole instanceof PyView && whole.what === 'keys') return contains(whole.dict, part, budget);
  if (whole instanceof PySet) {
    // Python uses the frozen copy of a set for the lookup, because a mutable set has no hash
    const key = part instanceof PySet ? new PySet(part.members, true) : part;
    return whole.members.has(keyOf(key, budget));
  }
  if (typeof whole === 'string') {
    if (typeof part !== 'string')
      throw new PythonError(
        'TypeError',
        `'in <string>' requires string as left operand, not ${typeName(part)}`,
      );
    budget.spend((whole.length * Math.min(part.length, 16)) / 16);
    return whole.includes(part);
  }
  const number = numeric(part);
  if (whole instanceof PyRange && typeof number === 'bigint') {
    const offset = number - whole.start;
    return offset % whole.step === 0n && offset / whole.step >= 0n && offset / whole.step < whole.length;
  }
  for (const item of elements(whole, budget)) if (equals(item, part, budget)) return true;
  return false;
}
