/**
 * Functions of Python's `itertools`, as lazy iterators.
 * @module
 */
import { integerOf } from './arguments.ts';
import { iterate, toArray } from './collections.ts';
import { equals } from './compare.ts';
import { PythonError, UnsupportedFeature } from './errors.ts';
import { binary } from './operators.ts';
import type { Runtime } from './runtime.ts';
import { PyTuple, type Value } from './value.ts';

type Iterating = (
  args: readonly Value[],
  runtime: Runtime,
  named?: ReadonlyMap<string, Value>,
) => Iterator<Value>;

/**
 * Wraps a function of itertools that takes no keyword arguments. @throws UnsupportedFeature if one is passed
 */
const plain =
  (run: (args: readonly Value[], runtime: Runtime) => Iterator<Value>): Iterating =>
  (args, runtime, named) => {
    if (named && named.size > 0)
      throw new UnsupportedFeature(`itertools with the argument ${[...named.keys()][0]}`);
    return run(args, runtime);
  };

export const ITERTOOLS: Readonly<Record<string, Iterating>> = {
  permutations: plain(([source = null, size], runtime) => {
    const items = toArray(source, runtime.budget);
    const length = size === undefined || size === null ? items.length : count(size);
    return chosen(items, { length, runtime, mayFollow: (at, before) => !before.includes(at) });
  }),
  combinations: plain(([source = null, size = null], runtime) => {
    const items = toArray(source, runtime.budget);
    const mayFollow = (at: number, before: readonly number[]): boolean => at > (before.at(-1) ?? -1);
    return chosen(items, { length: count(size), runtime, mayFollow });
  }),
  combinations_with_replacement: plain(([source = null, size = null], runtime) => {
    const items = toArray(source, runtime.budget);
    const mayFollow = (at: number, before: readonly number[]): boolean => at >= (before.at(-1) ?? 0);
    return chosen(items, { length: count(size), runtime, mayFollow });
  }),
  product: (args, runtime, named = new Map()) => {
    for (const name of named.keys())
      if (name !== 'repeat') throw new UnsupportedFeature(`product with ${name}`);
    const pools = args.map((one) => toArray(one, runtime.budget));
    const times = count(named.get('repeat') ?? 1n);
    runtime.budget.allocate(times * pools.length);
    return product(Array.from({ length: times }, () => pools).flat(), runtime);
  },
  chain: plain((args, runtime) => chain(args, runtime)),
  islice: plain((args, runtime) => slice(args, runtime)),
  accumulate: plain((args, runtime) => accumulate(args, runtime)),
  pairwise: plain(([source = null], runtime) => pairwise(source, runtime)),
  groupby: plain(([source = null, key = null], runtime) => groups(source, key, runtime)),
};

function count(value: Value): number {
  const size = integerOf(value);
  if (size < 0n) throw new PythonError('ValueError', 'r must be non-negative');
  return Number(size);
}

interface Choosing {
  readonly length: number;
  readonly runtime: Runtime;
  readonly mayFollow: (at: number, before: readonly number[]) => boolean;
}

/**
 * Generates selections of `length` positions in lexicographic order. `mayFollow` decides which position may
 * follow the previous ones.
 */
function* chosen(items: readonly Value[], { length, runtime, mayFollow }: Choosing): Generator<Value> {
  const { budget } = runtime;
  if (length === 0) {
    yield new PyTuple([]);
    return;
  }
  const positions: number[] = [];
  for (let at = 0; ; at++) {
    budget.spend(1 + positions.length / 8);
    if (at >= items.length) {
      const last = positions.pop();
      if (last === undefined) return;
      at = last; // backtrack: the loop tries the position after `last` next
    } else if (mayFollow(at, positions)) {
      positions.push(at);
      if (positions.length === length) {
        budget.allocate(length);
        yield new PyTuple(positions.map((position) => items[position] as Value));
        positions.pop();
      } else at = -1;
    }
  }
}

function* product(pools: readonly (readonly Value[])[], { budget }: Runtime): Generator<Value> {
  if (pools.some((pool) => pool.length === 0)) return;
  const at = pools.map(() => 0);
  for (;;) {
    budget.allocate(1 + pools.length);
    yield new PyTuple(pools.map((pool, index) => pool[at[index] as number] as Value));
    let index = pools.length - 1;
    while (index >= 0 && (at[index] as number) + 1 >= (pools[index] as readonly Value[]).length)
      at[index--] = 0;
    if (index < 0) return;
    at[index] = (at[index] as number) + 1;
  }
}

function* chain(sources: readonly Value[], { budget }: Runtime): Generator<Value> {
  for (const source of sources) {
    const inner = iterate(source, budget);
    for (let step = inner.next(); !step.done; step = inner.next()) yield step.value;
  }
}

function* slice([source = null, ...bounds]: readonly Value[], { budget }: Runtime): Generator<Value> {
  const [start, stop, step] =
    bounds.length === 1 ? [0n, bounds[0], 1n] : [bounds[0], bounds[1], bounds[2] ?? 1n];
  const from = count(start ?? 0n);
  const to = stop === undefined || stop === null ? Number.POSITIVE_INFINITY : count(stop);
  const by = Math.max(1, count(step ?? 1n));
  const inner = iterate(source, budget);
  for (let at = 0; at < to; at++) {
    budget.spend(1);
    const next = inner.next();
    if (next.done) return;
    if (at >= from && (at - from) % by === 0) yield next.value;
  }
}

function* accumulate([source = null, combine = null]: readonly Value[], runtime: Runtime): Generator<Value> {
  const inner = iterate(source, runtime.budget);
  let total: Value | undefined;
  for (let step = inner.next(); !step.done; step = inner.next()) {
    if (total === undefined) total = step.value;
    else if (combine === null) total = binary('+', total, step.value, runtime.budget);
    else total = runtime.call(combine, [total, step.value]);
    yield total;
  }
}

function* pairwise(source: Value, { budget }: Runtime): Generator<Value> {
  const inner = iterate(source, budget);
  let before: Value | undefined;
  for (let step = inner.next(); !step.done; step = inner.next()) {
    if (before !== undefined) yield new PyTuple([before, step.value]);
    before = step.value;
  }
}

/**
 * Python's `groupby`: groups consecutive elements with equal keys. Unlike in Python, each group is complete
 * when it is yielded.
 */
function* groups(source: Value, key: Value, runtime: Runtime): Generator<Value> {
  const { budget } = runtime;
  let group: { readonly key: Value; readonly items: Value[] } | undefined;
  for (const item of toArray(source, budget)) {
    const own = key === null ? item : runtime.call(key, [item]);
    if (group && equals(group.key, own, budget)) group.items.push(item);
    else {
      if (group) yield new PyTuple([group.key, new PyTuple(group.items)]);
      group = { key: own, items: [item] };
    }
  }
  if (group) yield new PyTuple([group.key, new PyTuple(group.items)]);
}
