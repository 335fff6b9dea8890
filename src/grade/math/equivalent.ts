/**
 * Compares two answers by meaning. The kinds of the two answers select the comparison.
 * @module
 */
import { freeSymbols } from './agreement.ts';
import { IMPLICIT_SUBJECT, type Node, type NodeOf } from './ast.ts';
import { isCollection, sameBracket, sameCollection } from './collection.ts';
import { hasMatrix, sameMatrix } from './matrix.ts';
import { type Comparer, different, firstSame, type Outcome, same } from './outcome.ts';
import { plainWords } from './parse-text.ts';
import { measured, sameQuantity } from './quantity.ts';
import { regionOf } from './region.ts';
import { givenValue, sameRelation } from './relation.ts';
import { isRegion, sameRegion } from './same-region.ts';
import { isCapitalWord, namedRegion, wordsOf } from './word-answer.ts';
import type { WorkBudget } from './work-budget.ts';

/**
 * Compares two answers. The comparison is symmetric, except where a prediction may omit or add a part of the
 * answer.
 *
 * @throws WorkBudgetExceeded
 */
export function equivalent(gold: Node, prediction: Node, work: WorkBudget): Outcome {
  const comparer: Comparer = { work, same: compare };
  function compare(a: Node, b: Node): Outcome {
    work.spend(4);
    const [x, y] = [bare(a), bare(b)];
    const outcome = byKind(x, y, comparer);
    return outcome.same || !areSameWords(x, y) ? outcome : same('the same words');
  }
  return compare(gold, prediction);
}

/**
 * Removes the words after an answer that cannot have a unit, such as a list or an interval. They have no
 * meaning there.
 */
function bare(node: Node): Node {
  return node.kind === 'quantity' && CANNOT_BE_MEASURED.has(node.value.kind) ? bare(node.value) : node;
}

const CANNOT_BE_MEASURED: ReadonlySet<Node['kind']> = new Set(
  'list set bracket relation set-operation set-name builder matrix numeral ratio residue text'.split(
    ' ',
  ) as Node['kind'][],
);

function byKind(a: Node, b: Node, comparer: Comparer): Outcome {
  if (a.kind === 'relation' || b.kind === 'relation') return withRelation(a, b, comparer);
  if (isRegion(a) || isRegion(b) || isNamedRegion(a) || isNamedRegion(b)) return sameRegion(a, b, comparer);
  if (isCollection(a) || isCollection(b)) return withCollection(a, b, comparer);
  if (hasMatrix(a) || hasMatrix(b)) return sameMatrix(a, b, comparer);
  if (a.kind === 'bracket' && b.kind === 'bracket') return sameBracket(a, b, comparer);
  if (a.kind === 'bracket' || b.kind === 'bracket')
    return different('only one of them is a tuple or interval');
  if (a.kind === 'text' || b.kind === 'text' || isCapitalWord(a) || isCapitalWord(b)) return sameWords(a, b);
  if (a.kind === 'numeral' || b.kind === 'numeral') return sameNumeral(a, b);
  if (a.kind === 'residue' || b.kind === 'residue') return sameResidue(a, b, comparer);
  if (a.kind === 'ratio' && b.kind === 'ratio') return sameRatio(a, b, comparer);
  return sameQuantity(a, b, comparer.work);
}

function withRelation(a: Node, b: Node, comparer: Comparer): Outcome {
  if (a.kind === 'relation' && b.kind === 'relation') {
    const relations = sameRelation(a, b, comparer);
    const areBounds = sameSubject(a, b) && isSolvable(a, comparer) && isSolvable(b, comparer);
    return relations.same || !areBounds ? relations : sameRegion(a, b, comparer);
  }
  const [relation, other, isPrediction] =
    a.kind === 'relation' ? [a, b, false] : [b as NodeOf<'relation'>, a, true];
  const isSet = other.kind === 'bracket' || other.kind === 'list' || other.kind === 'set' || isRegion(other);
  return firstSame(
    (function* () {
      yield different('only one of them is a relation');
      if (isSet && isSolvable(relation, comparer)) yield sameRegion(a, b, comparer);
      const value = givenValue(relation, isPrediction);
      if (value) yield isPrediction ? comparer.same(other, value) : comparer.same(value, other);
      else if (other.kind === 'list') yield sameCollection(a, b, comparer);
    })(),
  );
}

/** Whether a relation describes a set of real numbers. */
function isSolvable(relation: Node, { work }: Comparer): boolean {
  return regionOf(relation, work) !== undefined;
}

function sameSubject(a: Node, b: Node): boolean {
  const [x, y] = [freeSymbols(a), freeSymbols(b)];
  if (x.has(IMPLICIT_SUBJECT) || y.has(IMPLICIT_SUBJECT)) return true;
  return x.size === y.size && [...x].every((name) => y.has(name));
}

function withCollection(a: Node, b: Node, comparer: Comparer): Outcome {
  const collections = sameCollection(a, b, comparer);
  if (collections.same) return collections;
  const isCondition = (node: Node): boolean =>
    node.kind === 'list' && node.items.every(({ kind }) => kind === 'relation');
  if (!isCondition(a) && !isCondition(b)) return collections;
  const regions = sameRegion(a, b, comparer);
  return regions.same ? regions : collections;
}

function isNamedRegion(node: Node): boolean {
  return node.kind === 'text' && namedRegion(node.text) !== undefined;
}

function areSameWords(a: Node, b: Node): boolean {
  return a.kind === 'text' || b.kind === 'text' ? sameWords(a, b).same : false;
}

function sameWords(a: Node, b: Node): Outcome {
  const [x, y] = [wordsOf(a), wordsOf(b)];
  if (x === undefined || y === undefined) return different('only one of them is words');
  return x === y ? same('the same words') : different('other words');
}

/**
 * Compares the digits and the bases of two numerals, not their values: a question about a base expects an
 * answer in that base.
 */
function sameNumeral(a: Node, b: Node): Outcome {
  if (a.kind !== 'numeral' || b.kind !== 'numeral')
    return different('only one of them is a numeral in another base');
  if (a.base !== b.base) return different(`the bases are ${a.base} and ${b.base}`);
  return a.digits === b.digits ? same('the same numeral') : different('other digits');
}

function sameResidue(a: Node, b: Node, comparer: Comparer): Outcome {
  if (a.kind !== 'residue' || b.kind !== 'residue') {
    const [x, y] = [a, b].map((node) => (node.kind === 'residue' ? node.of : node));
    return comparer.same(x, y);
  }
  const moduli = comparer.same(a.modulus, b.modulus);
  if (!moduli.same) return moduli;
  const difference: Node = { kind: 'sum', terms: [a.of, { kind: 'negative', of: b.of }] };
  const turns: Node = { kind: 'quotient', over: difference, under: a.modulus };
  const whole: Node = { kind: 'call', name: 'floor', args: [turns] };
  return comparer.same(turns, whole);
}

/**
 * Compares two ratios: a : b = c : d if ad = bc. Ratios that contain a 0, such as the time 12:00, are
 * compared part by part.
 */
function sameRatio(a: NodeOf<'ratio'>, b: NodeOf<'ratio'>, comparer: Comparer): Outcome {
  if (a.parts.length !== b.parts.length) return different('the ratios have different lengths');
  if (!sameNotes(a, b)) return different('the words after the ratios are different');
  const isZero = (node: Node): boolean => node.kind === 'number' && node.value.numerator === 0n;
  const [p, q] = [a, b].map(({ parts }) => parts.map((part) => measured(part).value));
  const areParts = [...p, ...q].some(isZero);
  const [x, y] = [p[0], q[0]];
  for (const [i, part] of p.entries()) {
    const other = q[i]; // q has as many parts as p
    const outcome = areParts
      ? comparer.same(part, other)
      : comparer.same({ kind: 'product', factors: [part, y] }, { kind: 'product', factors: [other, x] });
    if (!outcome.same) return different('not the same ratio');
  }
  return same('the same ratio');
}

/**
 * Whether the words after two ratios, as in `7:30 p.m.`, are equal. They count as equal if only one ratio has
 * words.
 */
function sameNotes(a: NodeOf<'ratio'>, b: NodeOf<'ratio'>): boolean {
  const [x, y] = [a, b].map(({ parts }) => {
    const last = parts.at(-1);
    return last?.kind === 'quantity' ? plainWords(last.unit).replaceAll(' ', '') : '';
  });
  return x === '' || y === '' || x === y;
}
