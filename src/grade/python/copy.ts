/**
 * Shallow and deep copies of values. If a value contains the same list or dictionary twice, its copy does so,
 * too.
 * @module
 */
import type { Budget } from './budget.ts';
import { PyDict, PyList, PySet, PyTuple, type Value } from './value.ts';

interface Copying {
  readonly budget: Budget;
  readonly isDeep: boolean;
  readonly known?: Map<Value, Value>;
}

export function deepCopy(value: Value, { budget, isDeep, known = new Map() }: Copying): Value {
  budget.spend(1);
  const before = known.get(value);
  if (before !== undefined) return before;
  const inner = (part: Value): Value => (isDeep ? deepCopy(part, { budget, isDeep, known }) : part);
  if (value instanceof PyList) {
    budget.allocate(value.items.length);
    const copy = new PyList([]);
    known.set(value, copy);
    for (const item of value.items) copy.items.push(inner(item));
    return copy;
  }
  if (value instanceof PyTuple) return new PyTuple(value.items.map(inner));
  if (value instanceof PySet) {
    budget.allocate(4 * value.members.size);
    return new PySet(new Map(value.members), value.frozen);
  }
  if (!(value instanceof PyDict)) return value;
  budget.allocate(4 * value.entries.size);
  const copy = new PyDict(new Map(), value);
  known.set(value, copy);
  for (const [key, [name, one]] of value.entries) copy.entries.set(key, [name, inner(one)]);
  return copy;
}
