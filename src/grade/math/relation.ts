/**
 * Equations, inequalities and memberships. An equation is the same when multiplied by a constant or turned
 * around; one that only names its value is the same as the value.
 * @module
 */
import { integer, negate, type Rational } from '../rational.ts';
import { constantRatio, freeSymbols } from './agreement.ts';
import { fractionOf } from './algebra.ts';
import type { Node, NodeOf, RelationSign } from './ast.ts';
import type { Fraction } from './fraction.ts';
import { mirrored } from './inequality.ts';
import { isName } from './name.ts';
import { nodeKey } from './node-key.ts';
import { type Comparer, different, firstSame, type Outcome, same } from './outcome.ts';
import { ONE, ofPowers, type Polynomial, type Power, samePolynomial, scale, times } from './polynomial.ts';
import { EXACT_WORK, type Work, withinLimits } from './work.ts';

type Relation = NodeOf<'relation'>;

/** left sign right. */
interface Link {
  readonly left: Node;
  readonly sign: RelationSign;
  readonly right: Node;
}

export function sameRelation(gold: Relation, prediction: Relation, comparer: Comparer): Outcome {
  const [a, b] = [assignment(gold), assignment(prediction)];
  if (a && b && (sameName(a.name, b.name) || bothDefine(a, b))) {
    const values = comparer.same(a.value, b.value);
    if (values.same) return values;
  }
  const [x, y] = [linksOf(gold), linksOf(prediction)];
  if (x.length === 1 && y.length === 1) return sameLink(x[0], y[0], comparer);
  return sameChain(gold, prediction, comparer);
}

function linksOf({ operands, signs }: Relation): Link[] {
  return signs.map((sign, i) => ({ left: operands[i], sign, right: operands[i + 1] })); // one more
}

/** A name and what the last equals sign sets it to. */
interface Assignment {
  readonly name: Node;
  readonly value: Node;
}

/** `x = 5`, `5 = x`, `A = x = 3`: the name and the value; undefined for other relations. */
function assignment(relation: Relation): Assignment | undefined {
  const operands = equated(relation);
  const value = operands?.at(-1);
  if (!operands || !value) return undefined;
  const name = operands.slice(0, -1).find(isName);
  if (name) return { name, value };
  return isName(value) ? { name: value, value: operands[0] } : undefined;
}

/**
 * What a chain sets equal, without what it says is only about the same; undefined for other relations.
 * `x = 1/3 \approx 0.3` ends in 1/3, but `x \approx 0.3` in 0.3.
 */
function equated({ operands, signs }: Relation): readonly Node[] | undefined {
  if (!signs.every((sign) => sign === '=' || sign === '≈')) return undefined;
  const approximate = signs.indexOf('≈');
  const isExact = approximate > 0 || (approximate === 0 && !isName(operands[0]));
  return isExact ? operands.slice(0, approximate + 1) : operands;
}

function sameName(a: Node, b: Node): boolean {
  return nodeKey(a) === nodeKey(b);
}

/** `f(x) = x^2` and `y = x^2` define one function. */
function bothDefine(a: Assignment, b: Assignment): boolean {
  const isResult = (node: Node): boolean =>
    node.kind === 'call' || (node.kind === 'symbol' && node.name === 'y');
  return isResult(a.name) && isResult(b.name) && freeSymbols(a.value).size > 0;
}

/**
 * The value that a relation gives for an answer that is none, e.g. 5 in `x = 5`. What is set equal must be a
 * name or a constant. Where `isPrediction`, it may be any expression of several letters, as in `2a + b = 5` for
 * "what is 2a + b?"; but `a + 2 = 5` still has to be solved.
 */
export function givenValue(relation: Relation, isPrediction: boolean): Node | undefined {
  const { signs } = relation;
  if (signs.length === 1 && (signs[0] === 'in' || signs[0] === 'equiv')) return relation.operands[1];
  const operands = equated(relation);
  const last = operands?.at(-1);
  if (!operands || !last) return undefined;
  const assigned = assignment(relation);
  if (assigned) return assigned.value;
  const letters = operands.slice(0, -1).map((operand) => freeSymbols(operand).size);
  if (letters.every((count) => count === 0)) return last;
  const isZero = last.kind === 'number' && last.value.numerator === 0n;
  const isAsked = letters.every((count) => count > 1) && freeSymbols(last).size === 0 && !isZero;
  return isPrediction && isAsked ? last : undefined;
}

/** The letter that an item names, without its index: `x` for `x_1 = 2`. */
export function namedLetter(item: Node): string | undefined {
  const name = item.kind === 'relation' ? assignment(item)?.name : undefined;
  return name?.kind === 'symbol' ? name.name.split('_')[0] : undefined;
}

/** Relations of which both sides must be the same. */
const UNMEASURED: ReadonlySet<RelationSign> = new Set(['in', 'subset', 'equiv', 'to']);

function sameLink(a: Link, b: Link, comparer: Comparer): Outcome {
  if (a.sign === b.sign && UNMEASURED.has(a.sign)) {
    const left = comparer.same(a.left, b.left);
    return left.same ? comparer.same(a.right, b.right) : left;
  }
  const turned = mirrored(b.sign);
  if (a.sign === b.sign) {
    const straight = proportional(a, b, comparer);
    if (straight.same) return straight;
  }
  if (a.sign !== turned)
    return different(a.sign === b.sign ? 'not the same relation' : 'the relations have different signs');
  return proportional(a, { left: b.right, sign: a.sign, right: b.left }, comparer);
}

const DIRECTED: ReadonlySet<RelationSign> = new Set(['<', '<=', '>', '>=']);

/** Whether a.left - a.right is a constant times b.left - b.right, positive where the sign has a direction. */
function proportional(a: Link, b: Link, comparer: Comparer): Outcome {
  const hasDirection = DIRECTED.has(a.sign);
  const factor = factorBetween(a, b, comparer.work);
  if (factor !== undefined && factor !== 0 && (factor > 0 || !hasDirection))
    return same('the same relation up to a factor');
  const sides = [comparer.same(a.left, b.left), comparer.same(a.right, b.right)];
  return sides.every((side) => side.same)
    ? same('both sides are the same')
    : different('not the same relation');
}

/** The number c with a = c·b, 0 if there is none, undefined if that cannot be told. */
function factorBetween(a: Link, b: Link, work: Work): number | undefined {
  const [x, y] = [subtraction(a), subtraction(b)];
  const exact = withinLimits(() => {
    const part = work.part(EXACT_WORK);
    const [p, q] = [fractionOf(x, part), fractionOf(y, part)];
    return p && q && exactFactor(p, q, { isEquation: !DIRECTED.has(a.sign), work: part });
  });
  return exact ?? constantRatio(x, y, work);
}

function subtraction({ left, right }: Link): Node {
  return { kind: 'sum', terms: [left, { kind: 'negative', of: right }] };
}

/** The factor as far as polynomials tell. Denominators may be dropped from an equation: they are not 0. */
function exactFactor(
  a: Fraction,
  b: Fraction,
  { isEquation, work }: { readonly isEquation: boolean; readonly work: Work },
): number | undefined {
  const [over, under] = [ratioBetween(a.over, b.over, work), ratioBetween(a.under, b.under, work)];
  if (over && under) return over * under;
  const [p, q] = [cleared(a.over, work), cleared(b.over, work)];
  if (isEquation) return ratioBetween(p, q, work);
  return isPlain(p) && isPlain(q) && a.under === ONE && b.under === ONE ? 0 : undefined;
}

/** a / b if that is a number: its sign. 0 if it is none, undefined if atoms may hide that it is. */
function ratioBetween(a: Polynomial, b: Polynomial, work: Work): number | undefined {
  const [x, y] = [leading(a), leading(b)];
  if (!x || !y) return a.size === b.size ? 1 : 0; // 0 = 0
  if (samePolynomial(scale(a, y, work), scale(b, x, work)))
    return x.numerator > 0n === y.numerator > 0n ? 1 : -1;
  return isPlain(a) && isPlain(b) ? 0 : undefined;
}

/** The coefficient of the monomial whose key comes first. */
function leading(polynomial: Polynomial): Rational | undefined {
  const [key] = [...polynomial.keys()].sort();
  return key === undefined ? undefined : polynomial.get(key)?.coefficient;
}

/** The polynomial times the letters it is divided by: y - 1/x becomes xy - 1. */
function cleared(polynomial: Polynomial, work: Work): Polynomial {
  const lowest = new Map<string, Power>();
  for (const { powers } of polynomial.values())
    for (const power of powers)
      if (power.atom.type === 'letter' && isLess(power.exponent, lowest.get(power.atom.key)?.exponent))
        lowest.set(power.atom.key, power);
  const factors = [...lowest.values()].map(({ atom, exponent }) => ({ atom, exponent: negate(exponent) }));
  return factors.length === 0 ? polynomial : times(polynomial, ofPowers(integer(1), factors), work);
}

/** a < b, and a < 0 where there is no b. */
function isLess(a: Rational, b: Rational = integer(0)): boolean {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}

/** Whole powers of letters only: two such polynomials that are not proportional are different equations. */
function isPlain(polynomial: Polynomial): boolean {
  for (const { powers } of polynomial.values())
    for (const { atom, exponent } of powers)
      if (atom.type !== 'letter' || exponent.denominator !== 1n || exponent.numerator < 0n) return false;
  return true;
}

/** `a < x < b` link by link, in either direction; chains of equations by what they end in. */
function sameChain(gold: Relation, prediction: Relation, comparer: Comparer): Outcome {
  const [ends, others] = [equated(gold)?.at(-1), equated(prediction)?.at(-1)];
  if (ends && others) return comparer.same(ends, others);
  const [a, b] = [linksOf(gold), linksOf(prediction)];
  if (a.length !== b.length) return different('the chains have different lengths');
  const turned = [...b]
    .reverse()
    .map(({ left, sign, right }): Link => ({ left: right, sign: mirrored(sign) ?? sign, right: left }));
  return firstSame(
    [b, turned].map((links) => {
      const outcomes = a.map((link, i) => sameLink(link, links[i], comparer)); // equally long
      return outcomes.find((outcome) => !outcome.same) ?? same('the same chain');
    }),
  );
}
