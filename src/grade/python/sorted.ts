/**
 * Sorting, maximum and minimum. Sorting is stable, and items are compared only by `<`, as in Python.
 * @module
 */
import type { Arguments } from './arguments.ts';
import { isLess } from './compare.ts';
import type { Runtime } from './runtime.ts';
import { isTruthy, type Value } from './value.ts';

/** Python's `sorted(items, key=..., reverse=...)`. @param read - the arguments `key` and `reverse` */
export function sorted(items: readonly Value[], read: Arguments, runtime: Runtime): Value[] {
  const { budget } = runtime;
  const key = read.take(Number.POSITIVE_INFINITY, 'key') ?? null;
  const isReversed = isTruthy(read.take(Number.POSITIVE_INFINITY, 'reverse') ?? false);
  budget.allocate(items.length * Math.log2(items.length + 2));
  const keyed = items.map((item) => ({ item, key: key === null ? item : runtime.call(key, [item]) }));
  if (isReversed) keyed.reverse(); // reversing before and after the sort keeps the order of equal items
  keyed.sort((a, b) => (isLess(a.key, b.key, budget) ? -1 : isLess(b.key, a.key, budget) ? 1 : 0));
  if (isReversed) keyed.reverse();
  return keyed.map(({ item }) => item);
}

/**
 * Returns the largest or smallest item, and of several equal ones the first; undefined if there are no items.
 */
export function extreme(
  items: readonly Value[],
  { which, key, runtime }: { readonly which: 'max' | 'min'; readonly key: Value; readonly runtime: Runtime },
): Value | undefined {
  let best: { item: Value; key: Value } | undefined;
  for (const item of items) {
    const own = key === null ? item : runtime.call(key, [item]);
    if (best === undefined) best = { item, key: own };
    else {
      const [low, high] = which === 'max' ? [best.key, own] : [own, best.key];
      if (isLess(low, high, runtime.budget)) best = { item, key: own };
    }
  }
  return best?.item;
}
