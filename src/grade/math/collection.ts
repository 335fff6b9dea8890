/**
 * Lists, sets, tuples and intervals. Lists and sets have no order; tuples and intervals do.
 * @module
 */
import { constantValue } from './agreement.ts';
import type { Node, NodeOf } from './ast.ts';
import { allSame, type Comparer, different, type Outcome, same } from './outcome.ts';
import { givenValue, namedLetter } from './relation.ts';

export function isCollection(node: Node): node is NodeOf<'list' | 'set'> {
  return node.kind === 'list' || node.kind === 'set';
}

/** Compares two answers of which at least one is a list or a set. */
export function sameCollection(gold: Node, prediction: Node, comparer: Comparer): Outcome {
  const ordered = orderedItems(gold, prediction) ?? orderedItems(prediction, gold)?.reverse();
  if (ordered) {
    const [a, b] = ordered;
    return allSame(a, b, comparer, 'the same items in order');
  }
  if (gold.kind === 'bracket' || prediction.kind === 'bracket')
    return different('one is ordered, the other is not');
  const isSet = gold.kind === 'set' || prediction.kind === 'set';
  const [a, b] = [itemsOf(gold), itemsOf(prediction)].map((items) =>
    isSet ? distinct(items, comparer) : items,
  );
  return matched(a, b, comparer);
}

/**
 * Returns the items of both answers if their order counts: for a list compared with a tuple, and for values
 * of several letters (`x = 1, y = 2`) compared with a list of values alone. Undefined for all other pairs.
 */
function orderedItems(one: Node, other: Node): (readonly Node[])[] | undefined {
  if (one.kind !== 'list') return undefined;
  if (other.kind === 'bracket') {
    const isTuple = other.open === '(' && other.close === '(' && !other.items.some(isInfinite);
    return isTuple ? [plainValues(one.items), other.items] : undefined;
  }
  const letters = one.items.map(namedLetter);
  const isNamed = letters.every((letter) => letter !== undefined) && new Set(letters).size > 1;
  const isBare = other.kind === 'list' && other.items.every(({ kind }) => kind !== 'relation');
  return isNamed && isBare ? [plainValues(one.items), other.items] : undefined;
}

function itemsOf(node: Node): readonly Node[] {
  return isCollection(node) ? withoutNames(withoutDomains(node.items)) : [node];
}

/** Removes the domains of letters: `2\pi k, k \in \mathbb{Z}` becomes `2\pi k`. */
function withoutDomains(items: readonly Node[]): readonly Node[] {
  const [first, ...rest] = items;
  return first === undefined ? items : [first, ...rest.filter((item) => !isDomain(item))];
}

function isDomain(node: Node): boolean {
  if (node.kind !== 'relation' || node.signs[0] !== 'in') return false;
  return node.operands[0]?.kind === 'symbol' && node.operands[1]?.kind === 'set-name';
}

/** Removes the name before a list: `x = 2, 3, 4` becomes `2, 3, 4`, because the name applies to all items. */
function withoutNames(items: readonly Node[]): readonly Node[] {
  const [first, ...rest] = items;
  if (first?.kind !== 'relation' || rest.length === 0 || rest.some(({ kind }) => kind === 'relation'))
    return items;
  const value = givenValue(first, false);
  return value ? [value, ...rest] : items;
}

/** `x = 1, y = 2` as 1, 2. */
function plainValues(items: readonly Node[]): Node[] {
  return items.map((item) => (item.kind === 'relation' ? (givenValue(item, false) ?? item) : item));
}

/** Maximum number of items of a list or set that is compared without regard to the order. */
const MAX_UNORDERED = 60;

function distinct(items: readonly Node[], comparer: Comparer): readonly Node[] {
  if (items.length > MAX_UNORDERED) return items;
  return items.filter((item, i) => !items.slice(0, i).some((earlier) => comparer.same(earlier, item).same));
}

/** Pairs every item of the gold answer with a different equal item of the prediction. */
function matched(golds: readonly Node[], predictions: readonly Node[], comparer: Comparer): Outcome {
  if (golds.length !== predictions.length)
    return different(`expected ${golds.length} items, got ${predictions.length}`);
  if (golds.length > MAX_UNORDERED) return allSame(golds, predictions, comparer, 'the same items in order');
  const left = [...predictions];
  for (const [i, gold] of golds.entries()) {
    const partner = left.findIndex((prediction) => comparer.same(gold, prediction).same);
    if (partner < 0) return different(`item ${i + 1} of the expected ones is missing`);
    left.splice(partner, 1);
  }
  return same('the same items');
}

/**
 * Compares two tuples or intervals. The brackets must be the same if the answer may be an interval, that is,
 * if it has two items in ascending order.
 */
export function sameBracket(
  gold: NodeOf<'bracket'>,
  prediction: NodeOf<'bracket'>,
  comparer: Comparer,
): Outcome {
  const items = allSame(gold.items, prediction.items, comparer, 'the same items in order');
  if (!items.same) return items;
  const isInterval =
    gold.items.length === 2 &&
    gold.open !== '<' &&
    prediction.open !== '<' &&
    !isDescending(gold.items, comparer);
  const [low, high] = gold.items;
  // an infinite end point is never included, so its bracket is not compared
  const sameOpen = gold.open === prediction.open || isInfinite(low);
  const sameClose = gold.close === prediction.close || (high !== undefined && isInfinite(high));
  if ((sameOpen && sameClose) || (!isInterval && isTuple(gold) && isTuple(prediction))) return items;
  return different('the brackets are not the same');
}

/** Whether both brackets are of the same kind, so that the answer may be a tuple of coordinates. */
function isTuple({ open, close }: NodeOf<'bracket'>): boolean {
  return open === close;
}

function isDescending(items: readonly Node[], { work }: Comparer): boolean {
  const [low, high] = items.map((item) => constantValue(item, work));
  return low > high;
}

function isInfinite(node: Node): boolean {
  if (node.kind === 'negative') return isInfinite(node.of);
  return node.kind === 'constant' && node.name === 'infinity';
}
