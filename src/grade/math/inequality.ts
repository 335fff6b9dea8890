/**
 * Relations about one thing, solved for it: `5 \ge x` is x <= 5, `2x - 4 > 0` is x > 2.
 * @module
 */
import { divide, negate, type Rational } from '../rational.ts';
import { freeSymbols } from './agreement.ts';
import { fractionOf } from './algebra.ts';
import type { Node, NodeOf, RelationSign } from './ast.ts';
import { nodeKey } from './node-key.ts';
import { minus, ONE } from './polynomial.ts';
import type { Work } from './work.ts';

/** `thing sign bound`. */
export interface Bound {
  readonly sign: RelationSign;
  readonly bound: Node;
  /** Key of the thing that is bounded. */
  readonly of: string;
}

const MIRRORED: ReadonlyMap<RelationSign, RelationSign> = new Map([
  ['<', '>'],
  ['<=', '>='],
  ['>', '<'],
  ['>=', '<='],
  ['=', '='],
  ['≈', '≈'],
  ['!=', '!='],
]);

/** a sign b as b mirrored(sign) a; undefined for signs that have no mirror image. */
export function mirrored(sign: RelationSign): RelationSign | undefined {
  return MIRRORED.get(sign);
}

/** All that a chain says of one letter or name; undefined when it is about several or not linear. */
export function solve({ operands, signs }: NodeOf<'relation'>, work: Work): Bound[] | undefined {
  const bounds: Bound[] = [];
  for (const [i, sign] of signs.entries()) {
    const bound = solveOne(operands[i], sign, operands[i + 1], work); // one operand more than signs
    if (!bound || (bounds[0] && bounds[0].of !== bound.of)) return undefined;
    bounds.push(bound);
  }
  return bounds;
}

/** A letter or the value of a function without a meaning of its own; x² and |x| have to be solved for x. */
function isSubject(node: Node): boolean {
  return node.kind === 'symbol' || (node.kind === 'call' && /^[A-Za-z](?:['_]|$)/.test(node.name));
}

function solveOne(left: Node, sign: RelationSign, right: Node, work: Work): Bound | undefined {
  const mirror = mirrored(sign);
  if (!mirror) return undefined;
  if (isSubject(left) && freeSymbols(right).size === 0) return { sign, bound: right, of: nodeKey(left) };
  if (isSubject(right) && freeSymbols(left).size === 0)
    return { sign: mirror, bound: left, of: nodeKey(right) };
  return linear(left, right, { sign, mirror }, work);
}

/** a·x + b against 0 with rational a and b: x against -b/a. */
function linear(
  left: Node,
  right: Node,
  { sign, mirror }: { readonly sign: RelationSign; readonly mirror: RelationSign },
  work: Work,
): Bound | undefined {
  const [a, b] = [fractionOf(left, work), fractionOf(right, work)];
  const names = new Set([...freeSymbols(left), ...freeSymbols(right)]);
  if (!a || !b || a.under !== ONE || b.under !== ONE || names.size !== 1) return undefined;
  const [name] = names;
  const difference = minus(a.over, b.over, work);
  const key = `$${name}^1/1`;
  const slope = difference.get(key)?.coefficient;
  if (!slope || [...difference.keys()].some((other) => other !== key && other !== '')) return undefined;
  const offset = difference.get('')?.coefficient ?? { numerator: 0n, denominator: 1n };
  const value = divide(negate(offset), slope) as Rational; // the slope is a coefficient, hence not 0
  const of = nodeKey({ kind: 'symbol', name });
  return { sign: slope.numerator < 0n ? mirror : sign, bound: { kind: 'number', value }, of };
}
