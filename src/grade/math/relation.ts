/**
 * Compares equations, inequalities and memberships. Two equations are equal if they differ only by a constant
 * factor or by an exchange of their sides. An equation that gives a name a value, as `x = 5`, equals the
 * value.
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
import { EXACT_WORK, type WorkBudget, withinLimits } from './work-budget.ts';

type Relation = NodeOf<'relation'>;

/** A single relation `left sign right`. */
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
  // a chain has one operand more than signs
  return signs.map((sign, i) => ({ left: operands[i], sign, right: operands[i + 1] }));
}

/** A name and the value that the last equals sign assigns to it. */
interface Assignment {
  readonly name: Node;
  readonly value: Node;
}

/** Returns the name and the value of `x = 5`, `5 = x` or `A = x = 3`; undefined for other relations. */
function assignment(relation: Relation): Assignment | undefined {
  const operands = equated(relation);
  const value = operands?.at(-1);
  if (!operands || !value) return undefined;
  const name = operands.slice(0, -1).find(isName);
  if (name) return { name, value };
  return isName(value) ? { name: value, value: operands[0] } : undefined;
}

/**
 * Returns the operands of a chain of equations without the approximations at its end: `x = 1/3 \approx 0.3`
 * ends in 1/3, but `x \approx 0.3` ends in 0.3. Undefined for other relations.
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

/**
 * Whether both assignments define a function, as `f(x) = x^2` and `y = x^2` do, so that their values are
 * compared.
 */
function bothDefine(a: Assignment, b: Assignment): boolean {
  const isResult = (node: Node): boolean =>
    node.kind === 'call' || (node.kind === 'symbol' && node.name === 'y');
  return isResult(a.name) && isResult(b.name) && freeSymbols(a.value).size > 0;
}

/**
 * Returns the value that a relation states, e.g. 5 for `x = 5`, for comparison with an answer that is not a
 * relation. The other side must be a name or a constant. With `isPrediction` it may also be an expression in
 * several letters: `2a + b = 5` answers "what is 2a + b?". But `a + 2 = 5` states no value, because it still
 * has to be solved.
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

/** Returns the letter that an item gives a value, without its subscript: `x` for `x_1 = 2`. */
export function namedLetter(item: Node): string | undefined {
  const name = item.kind === 'relation' ? assignment(item)?.name : undefined;
  return name?.kind === 'symbol' ? name.name.split('_')[0] : undefined;
}

/**
 * Signs of relations whose sides are compared one by one, because the difference of the sides has no meaning.
 */
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

/**
 * Whether a.left - a.right is a multiple of b.left - b.right. For an inequality the multiple must be
 * positive.
 */
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

/**
 * For a = c·b with a constant c, returns a number with the sign of c. Returns 0 if there is no such c, and
 * undefined if exact arithmetic and random points cannot decide.
 */
function factorBetween(a: Link, b: Link, work: WorkBudget): number | undefined {
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

/**
 * Returns the sign of c in a = c·b by exact arithmetic. For equations both sides may be multiplied by their
 * denominators, which are not 0.
 */
function exactFactor(
  a: Fraction,
  b: Fraction,
  { isEquation, work }: { readonly isEquation: boolean; readonly work: WorkBudget },
): number | undefined {
  const [over, under] = [ratioBetween(a.over, b.over, work), ratioBetween(a.under, b.under, work)];
  if (over && under) return over * under;
  const [p, q] = [cleared(a.over, work), cleared(b.over, work)];
  if (isEquation) return ratioBetween(p, q, work);
  return isPlain(p) && isPlain(q) && a.under === ONE && b.under === ONE ? 0 : undefined;
}

/**
 * Returns the sign of a / b if the quotient is a constant, 0 if it is not constant, and undefined if
 * dependent atoms make this undecidable.
 */
function ratioBetween(a: Polynomial, b: Polynomial, work: WorkBudget): number | undefined {
  const [x, y] = [leading(a), leading(b)];
  if (!x || !y) return a.size === b.size ? 1 : 0; // 0 = 0
  if (samePolynomial(scale(a, y, work), scale(b, x, work)))
    return x.numerator > 0n === y.numerator > 0n ? 1 : -1;
  return isPlain(a) && isPlain(b) ? 0 : undefined;
}

/** Returns the coefficient of the monomial with the smallest key. */
function leading(polynomial: Polynomial): Rational | undefined {
  const [key] = [...polynomial.keys()].sort();
  return key === undefined ? undefined : polynomial.get(key)?.coefficient;
}

/** Multiplies a polynomial by the letters in its denominators: y - 1/x becomes xy - 1. */
function cleared(polynomial: Polynomial, work: WorkBudget): Polynomial {
  const lowest = new Map<string, Power>();
  for (const { powers } of polynomial.values())
    for (const power of powers)
      if (power.atom.type === 'letter' && isLess(power.exponent, lowest.get(power.atom.key)?.exponent))
        lowest.set(power.atom.key, power);
  const factors = [...lowest.values()].map(({ atom, exponent }) => ({ atom, exponent: negate(exponent) }));
  return factors.length === 0 ? polynomial : times(polynomial, ofPowers(integer(1), factors), work);
}

/** Whether a < b; without b, whether a < 0. */
function isLess(a: Rational, b: Rational = integer(0)): boolean {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}

/**
 * Whether all atoms are letters with nonnegative integer exponents. Two polynomials of this kind that are not
 * proportional define different equations.
 */
function isPlain(polynomial: Polynomial): boolean {
  for (const { powers } of polynomial.values())
    for (const { atom, exponent } of powers)
      if (atom.type !== 'letter' || exponent.denominator !== 1n || exponent.numerator < 0n) return false;
  return true;
}

/**
 * Compares two chains such as `a < x < b` link by link, also with one of them reversed. Chains of equations
 * are compared by their last operands.
 */
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
      // `links` has as many links as `a`
      const outcomes = a.map((link, i) => sameLink(link, links[i], comparer));
      return outcomes.find((outcome) => !outcome.same) ?? same('the same chain');
    }),
  );
}
