/**
 * Values with units. A unit that one side leaves out does not count; two known units must measure the same
 * thing and are converted; unknown words never decide. `28\%` is 28 or 0.28, `90^\circ` is 90 or π/2, as the
 * other side has it.
 * @module
 */
import { divide, type Rational } from '../rational.ts';
import { type Node, numberNode, PI, product } from './ast.ts';
import { different, firstSame, type Outcome } from './outcome.ts';
import { sameExpression, scaled } from './same-expression.ts';
import { readUnit, sameDimensions, sameUnit, type Unit } from './unit.ts';
import type { Work } from './work.ts';

export interface Measured {
  readonly value: Node;
  /** Undefined when there is none or none that is known. */
  readonly unit: Unit | undefined;
}

/** The value without its units, and what they are together. */
export function measured(node: Node): Measured {
  if (node.kind !== 'quantity') return { value: node, unit: undefined };
  const inner = measured(node.value);
  return { value: inner.value, unit: inner.unit ?? readUnit(node.unit) };
}

export function sameQuantity(gold: Node, prediction: Node, work: Work): Outcome {
  if (isQualified(gold) !== isQualified(prediction)) return different('only one says so without reserve');
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

/** Words that take back or widen what a number says: `100 or more` is not 100. */
const QUALIFIERS =
  /\b(?:not|never|wrong|incorrect|at (?:least|most)|or (?:more|less|fewer|greater|higher|lower)|(?:more|less|fewer|greater) than)\b/i;

function isQualified(node: Node): boolean {
  return node.kind === 'quantity' && (QUALIFIERS.test(node.unit) || isQualified(node.value));
}

/** How many radians a unit of angles is; undefined for other units. */
function inRadians(unit: Unit): Node | undefined {
  if (unit.dimensions.size !== 1) return undefined;
  if (unit.dimensions.get('radian') === 1) return numberNode(1);
  return unit.dimensions.get('angle') === 1
    ? { kind: 'quotient', over: PI, under: numberNode(180) }
    : undefined;
}

/** How many percent or degrees are 1. */
function perUnit(unit: Unit | undefined): Node | undefined {
  if (unit?.dimensions.get('percent') === 1) return numberNode(100);
  if (unit?.dimensions.get('angle') === 1) return { kind: 'quotient', over: numberNode(180), under: PI };
  return undefined;
}
