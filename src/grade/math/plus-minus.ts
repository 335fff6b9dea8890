/**
 * Expands `\pm`: an answer with two signs becomes a list of two answers.
 * @module
 */
import { contains, listOf, mapChildren, type Node } from './ast.ts';

/** Maximum number of `\pm` signs that are chosen independently. More signs would give too many answers. */
const MAX_FREE_SIGNS = 4;

/**
 * Replaces each `\pm` by both signs. In a list or set each item becomes several items; any other answer
 * becomes a list of answers.
 *
 * @param areFree - whether each sign is chosen independently, as in `(\pm 1, \pm 2)` for four points;
 *   otherwise all signs of one item change together, and `\mp` is the opposite of `\pm`
 */
export function expandPlusMinus(node: Node, areFree: boolean): Node {
  if (!contains(node, isEither)) return node;
  if (node.kind === 'list' || node.kind === 'set')
    return { ...node, items: node.items.flatMap((item) => choices(item, areFree)) };
  return listOf(choices(node, areFree), ',');
}

/**
 * Whether the answer has several `\pm` signs, so that choosing them independently gives more answers than
 * changing them together.
 */
export function hasSeveralSigns(node: Node): boolean {
  return countSigns(node) > 1;
}

function isEither({ kind }: Node): boolean {
  return kind === 'either-sign';
}

function countSigns(node: Node): number {
  let count = 0;
  contains(node, (inner) => {
    if (isEither(inner)) count++;
    return false;
  });
  return count;
}

function choices(node: Node, areFree: boolean): Node[] {
  const signs = countSigns(node);
  if (signs === 0) return [node];
  if (!areFree || signs > MAX_FREE_SIGNS) return [1, -1].map((sign) => chosen(node, () => sign));
  return Array.from({ length: 2 ** signs }, (_, bits) => {
    let next = 0;
    return chosen(node, () => ((bits >> next++) & 1 ? -1 : 1));
  });
}

function chosen(node: Node, sign: () => number): Node {
  if (node.kind !== 'either-sign') return mapChildren(node, (child) => chosen(child, sign));
  const own = sign() * node.sign;
  const of = chosen(node.of, sign);
  return own === 1 ? of : { kind: 'negative', of };
}
