/**
 * Compares sets of numbers: as sets if they can be computed, else as written.
 * @module
 */
import type { Node } from './ast.ts';
import { type Comparer, different, type Outcome, same } from './outcome.ts';
import { type Region, regionOf, sameValue } from './region.ts';
import { sameExpression } from './same-expression.ts';

/** Whether an answer can only be a set of numbers. An interval may also be a pair, so it does not count. */
export function isRegion({ kind }: Node): boolean {
  return kind === 'set-operation' || kind === 'set-name' || kind === 'builder';
}

export function sameRegion(gold: Node, prediction: Node, comparer: Comparer): Outcome {
  const [a, b] = [regionOf(gold, comparer.work), regionOf(prediction, comparer.work)];
  if (a && b) return samePieces(a, b, comparer);
  if (gold.kind === 'set-name' && prediction.kind === 'set-name')
    return gold.name === prediction.name ? same('the same set') : different('other sets of numbers');
  if (gold.kind === 'builder' && prediction.kind === 'builder') {
    const element = comparer.same(gold.element, prediction.element);
    return element.same ? comparer.same(gold.condition, prediction.condition) : element;
  }
  if (
    gold.kind === 'set-operation' &&
    prediction.kind === 'set-operation' &&
    gold.operation === prediction.operation
  ) {
    const [x, y] = [operands(gold), operands(prediction)].map((items): Node => ({ kind: 'set', items }));
    if (gold.operation !== 'difference') return comparer.same(x, y);
    const left = comparer.same(gold.left, prediction.left);
    return left.same ? comparer.same(gold.right, prediction.right) : left;
  }
  return different('not the same set');
}

function operands(node: Node & { readonly kind: 'set-operation' }): Node[] {
  return [node.left, node.right].flatMap((side) =>
    side.kind === 'set-operation' && side.operation === node.operation ? operands(side) : [side],
  );
}

function samePieces(a: Region, b: Region, { work }: Comparer): Outcome {
  if (a.length !== b.length) return different(`expected ${a.length} intervals, got ${b.length}`);
  for (const [i, piece] of a.entries()) {
    const other = b[i]; // b has as many intervals as a
    if (piece.lowClosed !== other.lowClosed || piece.highClosed !== other.highClosed)
      return different('an end is in one set and not in the other');
    for (const end of ['low', 'high'] as const) {
      if (!sameValue(piece[end].value, other[end].value)) return different('the intervals have other ends');
      const isInfinite = !Number.isFinite(piece[end].value);
      if (!isInfinite && !sameExpression(piece[end].node, other[end].node, work).same)
        return different('the intervals have other ends');
    }
  }
  return same('the same set of numbers');
}
