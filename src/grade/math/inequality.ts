/**
 * Solves relations in one unknown: `5 \ge x` is x <= 5, `2x - 4 > 0` is x > 2.
 * @module
 */
import { divide, negate, type Rational } from '../rational.ts';
import { freeSymbols } from './agreement.ts';
import { fractionOf } from './algebra.ts';
import type { Node, NodeOf, RelationSign } from './ast.ts';
import { nodeKey } from './node-key.ts';
import { minus, ONE } from './polynomial.ts';
import type { WorkBudget } from './work-budget.ts';

/** `unknown sign bound`. */
export interface Bound {
  readonly sign: RelationSign;
  readonly bound: Node;
  /** Key of the unknown. */
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

/**
 * Returns the mirrored sign, e.g. `>` for `<`: `a sign b` is the same as `b mirrored(sign) a`. Undefined for
 * signs that have none.
 */
export function mirrored(sign: RelationSign): RelationSign | undefined {
  return MIRRORED.get(sign);
}

/**
 * Returns the bounds that a chain of relations sets on one unknown; undefined when the chain has several
 * unknowns or is not linear.
 */
export function solve({ operands, signs }: NodeOf<'relation'>, work: WorkBudget): Bound[] | undefined {
  const bounds: Bound[] = [];
  for (const [i, sign] of signs.entries()) {
    // a chain has one operand more than signs
    const bound = solveOne(operands[i], sign, operands[i + 1], work);
    if (!bound || (bounds[0] && bounds[0].of !== bound.of)) return undefined;
    bounds.push(bound);
  }
  return bounds;
}

/**
 * Whether a node may be the unknown without solving: a letter, or a value such as f(2). x² and |x| have to be
 * solved for x.
 */
function isSubject(node: Node): boolean {
  return node.kind === 'symbol' || (node.kind === 'call' && /^[A-Za-z](?:['_]|$)/.test(node.name));
}

function solveOne(left: Node, sign: RelationSign, right: Node, work: WorkBudget): Bound | undefined {
  const mirror = mirrored(sign);
  if (!mirror) return undefined;
  if (isSubject(left) && freeSymbols(right).size === 0) return { sign, bound: right, of: nodeKey(left) };
  if (isSubject(right) && freeSymbols(left).size === 0)
    return { sign: mirror, bound: left, of: nodeKey(right) };
  return linear(left, right, { sign, mirror }, work);
}

/** Solves the relation `a·x + b sign 0` with rational a and b for x. */
function linear(
  left: Node,
  right: Node,
  { sign, mirror }: { readonly sign: RelationSign; readonly mirror: RelationSign },
  work: WorkBudget,
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
  // the quotient is defined, because the slope is a coefficient and no coefficient is 0
  const value = divide(negate(offset), slope) as Rational;
  const of = nodeKey({ kind: 'symbol', name });
  return { sign: slope.numerator < 0n ? mirror : sign, bound: { kind: 'number', value }, of };
}
