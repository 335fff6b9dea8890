/**
 * The methods of lists, tuples, sets and dictionaries.
 * @module
 */
import { clamped, integerOf, readArguments } from './arguments.ts';
import { addMember, dictOf, elements, pairs, setEntry, setOf, toArray } from './collections.ts';
import { equals, isSubset, keyOf } from './compare.ts';
import { PythonError } from './errors.ts';
import { binary } from './operators.ts';
import type { Method, Methods, Runtime } from './runtime.ts';
import { sorted } from './sorted.ts';
import { type Call, PyDict, PyList, PySet, PyTuple, PyView, type Value } from './value.ts';

const one = (name: string, call: Call): Value => readArguments(name, call, { most: 1 }).need(0);

function indexIn(items: readonly Value[], call: Call, { budget }: Runtime): bigint {
  const read = readArguments('index', call, { most: 3 });
  const start = clamped(read.take(1), 0, items.length);
  const stop = clamped(read.take(2), items.length, items.length);
  const wanted = read.need(0);
  for (let at = start; at < stop; at++) if (equals(items[at] as Value, wanted, budget)) return BigInt(at);
  throw new PythonError('ValueError', 'the value is not in the list');
}

function countIn(items: readonly Value[], call: Call, { budget }: Runtime): bigint {
  const wanted = one('count', call);
  return BigInt(items.filter((item) => equals(item, wanted, budget)).length);
}

export const TUPLE_METHODS: Methods<PyTuple> = new Map<string, Method<PyTuple>>([
  ['index', ({ items }, call, runtime) => indexIn(items, call, runtime)],
  ['count', ({ items }, call, runtime) => countIn(items, call, runtime)],
]);

export const LIST_METHODS: Methods<PyList> = new Map<string, Method<PyList>>([
  ['index', ({ items }, call, runtime) => indexIn(items, call, runtime)],
  ['count', ({ items }, call, runtime) => countIn(items, call, runtime)],
  [
    'append',
    ({ items }, call, { budget }) => {
      budget.allocate(1);
      items.push(one('append', call));
      return null;
    },
  ],
  [
    'extend',
    ({ items }, call, { budget }) => {
      for (const item of toArray(one('extend', call), budget)) items.push(item);
      return null;
    },
  ],
  [
    'insert',
    ({ items }, call, { budget }) => {
      const read = readArguments('insert', call, { most: 2 });
      budget.allocate(1 + items.length / 16);
      items.splice(clamped(read.need(0), 0, items.length), 0, read.need(1));
      return null;
    },
  ],
  [
    'remove',
    ({ items }, call, runtime) => {
      items.splice(Number(indexIn(items, { args: [one('remove', call)], named: new Map() }, runtime)), 1);
      return null;
    },
  ],
  [
    'pop',
    ({ items }, call, { budget }) => {
      const at = integerOf(readArguments('pop', call, { most: 1 }).take(0) ?? -1n);
      const from = at < 0n ? at + BigInt(items.length) : at;
      budget.spend(1 + items.length / 16);
      if (from < 0n || from >= items.length) throw new PythonError('IndexError', 'pop index out of range');
      return items.splice(Number(from), 1)[0] as Value;
    },
  ],
  [
    'clear',
    ({ items }) => {
      items.length = 0;
      return null;
    },
  ],
  [
    'copy',
    ({ items }, _, { budget }) => {
      budget.allocate(items.length);
      return new PyList([...items]);
    },
  ],
  [
    'reverse',
    ({ items }, _, { budget }) => {
      budget.spend(items.length);
      items.reverse();
      return null;
    },
  ],
  [
    'sort',
    ({ items }, call, runtime) => {
      const ordered = sorted(
        items,
        readArguments('sort', call, { most: 0, names: ['key', 'reverse'] }),
        runtime,
      );
      items.splice(0, items.length, ...ordered);
      return null;
    },
  ],
]);

/**
 * Creates a method such as `union`, which applies an operator to the set and any number of iterable
 * arguments.
 */
const combined = (name: string, operator: string): [string, Method<PySet>] => [
  name,
  (self, { args, named }, { budget }) => {
    readArguments(name, { args: [], named }, { most: 0 });
    let result = new PySet(new Map(self.members), self.frozen);
    for (const arg of args) result = binary(operator, result, asSet(arg, budget), budget) as PySet;
    return result;
  },
];

function asSet(value: Value, budget: Runtime['budget']): PySet {
  return value instanceof PySet ? value : setOf(elements(value, budget), budget);
}

/** Creates a method that changes a set in place. Calling it on a frozen set is an AttributeError. */
const changing = (name: string, change: Method<PySet>): [string, Method<PySet>] => [
  name,
  (self, call, runtime) => {
    if (self.frozen) throw new PythonError('AttributeError', `'frozenset' object has no attribute '${name}'`);
    return change(self, call, runtime);
  },
];

function replaceMembers(self: PySet, members: ReadonlyMap<string, Value>): null {
  const fresh = [...members];
  self.members.clear();
  for (const [key, value] of fresh) self.members.set(key, value);
  return null;
}

const updating = (name: string, operator: string): [string, Method<PySet>] =>
  changing(name, (self, { args }, { budget }) => {
    let result = self;
    for (const arg of args) result = binary(operator, result, asSet(arg, budget), budget) as PySet;
    return replaceMembers(self, result.members);
  });

export const SET_METHODS: Methods<PySet> = new Map<string, Method<PySet>>([
  combined('union', '|'),
  combined('intersection', '&'),
  combined('difference', '-'),
  combined('symmetric_difference', '^'),
  updating('update', '|'),
  updating('intersection_update', '&'),
  updating('difference_update', '-'),
  ['issubset', (self, call, { budget }) => isSubset(self, asSet(one('issubset', call), budget), budget)],
  ['issuperset', (self, call, { budget }) => isSubset(asSet(one('issuperset', call), budget), self, budget)],
  [
    'isdisjoint',
    (self, call, { budget }) =>
      (binary('&', self, asSet(one('isdisjoint', call), budget), budget) as PySet).members.size === 0,
  ],
  [
    'copy',
    (self, _, { budget }) => {
      budget.allocate(4 * self.members.size);
      return new PySet(new Map(self.members), self.frozen);
    },
  ],
  changing('add', (self, call, { budget }) => {
    addMember(self.members, one('add', call), budget);
    return null;
  }),
  changing('discard', (self, call, { budget }) => {
    self.members.delete(keyOf(one('discard', call), budget));
    return null;
  }),
  changing('remove', (self, call, { budget }) => {
    const item = one('remove', call);
    if (!self.members.delete(keyOf(item, budget))) throw new PythonError('KeyError', item);
    return null;
  }),
  changing('pop', (self) => {
    const [first] = self.members;
    if (first === undefined) throw new PythonError('KeyError', 'pop from an empty set');
    self.members.delete(first[0]);
    return first[1];
  }),
  changing('clear', (self) => {
    self.members.clear();
    return null;
  }),
]);

const view = (what: PyView['what']): [string, Method<PyDict>] => [
  what,
  (self, call) => {
    readArguments(what, call, { most: 0 });
    return new PyView(what, self);
  },
];

export const DICT_METHODS: Methods<PyDict> = new Map<string, Method<PyDict>>([
  view('keys'),
  view('values'),
  view('items'),
  [
    'get',
    (self, call, { budget }) => {
      const read = readArguments('get', call, { most: 2 });
      return self.entries.get(keyOf(read.need(0), budget))?.[1] ?? read.take(1) ?? null;
    },
  ],
  [
    'setdefault',
    (self, call, { budget }) => {
      const read = readArguments('setdefault', call, { most: 2 });
      const known = self.entries.get(keyOf(read.need(0), budget));
      if (known !== undefined) return known[1];
      const value = read.take(1) ?? null;
      setEntry(self, read.need(0), value, budget);
      return value;
    },
  ],
  [
    'pop',
    (self, call, { budget }) => {
      const read = readArguments('pop', call, { most: 2 });
      const key = keyOf(read.need(0), budget);
      const known = self.entries.get(key)?.[1] ?? read.take(1);
      if (known === undefined) throw new PythonError('KeyError', read.need(0));
      self.entries.delete(key);
      return known;
    },
  ],
  [
    'update',
    (self, { args, named }, { budget }) => {
      for (const arg of args)
        for (const [key, value] of arg instanceof PyDict ? arg.entries.values() : pairs(arg, budget)) {
          const before = self.kind === 'Counter' ? self.entries.get(keyOf(key, budget))?.[1] : undefined;
          setEntry(self, key, before === undefined ? value : binary('+', before, value, budget), budget);
        }
      for (const [name, value] of named) setEntry(self, name, value, budget);
      return null;
    },
  ],
  [
    'copy',
    (self, _, { budget }) => {
      budget.allocate(4 * self.entries.size);
      return new PyDict(new Map(self.entries), self);
    },
  ],
  [
    'clear',
    (self) => {
      self.entries.clear();
      return null;
    },
  ],
  [
    'most_common',
    (self, call, runtime) => {
      const { budget } = runtime;
      const entries = [...self.entries.values()].map((entry) => new PyTuple(entry));
      const byCount = (a: PyTuple, b: PyTuple): number =>
        Number(integerOf(b.items[1] as Value) - integerOf(a.items[1] as Value));
      budget.allocate(entries.length * Math.log2(entries.length + 2));
      const most = readArguments('most_common', call, { most: 1 }).take(0) ?? null;
      return new PyList(entries.sort(byCount).slice(0, clamped(most, entries.length, entries.length)));
    },
  ],
]);

/** Python's `dict.fromkeys(keys, value)`. */
export function fromKeys(call: Call, { budget }: Runtime): PyDict {
  const read = readArguments('fromkeys', call, { most: 2 });
  const value = read.take(1) ?? null;
  return dictOf(
    toArray(read.need(0), budget).map((key) => [key, value] as const),
    budget,
  );
}
