/**
 * Compares values with units. A unit that only one side has is ignored. Two known units must have the same
 * dimension and are converted. Unknown words are ignored. `28\%` equals 28 and 0.28, and `90^\circ` equals 90
 * and π/2.
 * @module
 */
import { divide, type Rational } from '../rational.ts';
import { type Node, numberNode, PI, product } from './ast.ts';
import { different, firstSame, type Outcome } from './outcome.ts';
import { sameExpression, scaled } from './same-expression.ts';
import { readUnit, sameDimensions, sameUnit, type Unit } from './unit.ts';
import type { WorkBudget } from './work-budget.ts';

export interface Measured {
  readonly value: Node;
  /** The unit of the value; undefined if it has none or an unknown one. */
  readonly unit: Unit | undefined;
}

/** Separates a quantity into the value without its units, and the innermost known unit. */
export function measured(node: Node): Measured {
  if (node.kind !== 'quantity') return { value: node, unit: undefined };
  const inner = measured(node.value);
  return { value: inner.value, unit: inner.unit ?? readUnit(node.unit) };
}

export function sameQuantity(gold: Node, prediction: Node, work: WorkBudget): Outcome {
  if (isQualified(gold) !== isQualified(prediction))
    return different('only one of them is qualified, as in "or more"');
  const [a, b] = [measured(gold), measured(prediction)];
  if (a.unit && b.unit) {
    const [p, q] = [a.unit, b.unit].map(inRadians);
    if (p && q) return sameExpression(product([p, a.value]), product([q, b.value]), work);
    if (!sameDimensions(a.unit, b.unit)) return different('the units measure different things');
    if (sameUnit(a.unit, b.unit)) return sameExpression(a.value, b.value, work);
    const factor = divide(b.unit.factor, a.unit.factor) as Rational; // factors are > 0
    return sameExpression(a.value, scaled(b.value, factor), work);
  }
  return firstSame(
    (function* () {
      yield sameExpression(a.value, b.value, work);
      const [x, y] = [perUnit(a.unit), perUnit(b.unit)];
      if (x) yield sameExpression(a.value, product([x, b.value]), work);
      if (y) yield sameExpression(product([y, a.value]), b.value, work);
    })(),
  );
}

/** Words that negate or widen the meaning of a number: `100 or more` is not 100. */
const QUALIFIERS =
  /\b(?:not|never|wrong|incorrect|at (?:least|most)|or (?:more|less|fewer|greater|higher|lower)|(?:more|less|fewer|greater) than)\b/i;

function isQualified(node: Node): boolean {
  return node.kind === 'quantity' && (QUALIFIERS.test(node.unit) || isQualified(node.value));
}

/** Returns the size of a unit of angles in radians; undefined for other units. */
function inRadians(unit: Unit): Node | undefined {
  if (unit.dimensions.size !== 1) return undefined;
  if (unit.dimensions.get('radian') === 1) return numberNode(1);
  return unit.dimensions.get('angle') === 1
    ? { kind: 'quotient', over: PI, under: numberNode(180) }
    : undefined;
}

/**
 * Returns the factor that converts a plain number to the unit: 100 for percent; 180/π for degrees, where the
 * plain number is in radians; undefined for other units.
 */
function perUnit(unit: Unit | undefined): Node | undefined {
  if (unit?.dimensions.get('percent') === 1) return numberNode(100);
  if (unit?.dimensions.get('angle') === 1) return { kind: 'quotient', over: numberNode(180), under: PI };
  return undefined;
}
