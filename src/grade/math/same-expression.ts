/**
 * Decides the equality of expressions: exactly if exact arithmetic can decide, else by agreement at random
 * points. A decimal also equals a constant if it is the rounded value of the constant.
 * @module
 */
import { multiply, negate, type Rational, rational, subtract } from '../rational.ts';
import { agree, constantValue, freeSymbols, MIN_ROUNDED_DECIMALS } from './agreement.ts';
import { fractionOf } from './algebra.ts';
import type { Node } from './ast.ts';
import { rationalValue, sameFraction } from './fraction.ts';
import { nodeKey } from './node-key.ts';
import { different, type Outcome, same } from './outcome.ts';
import { EXACT_WORK, type WorkBudget, withinLimits } from './work-budget.ts';

/**
 * Maximum number of decimal places that are compared. Answers copied from the output of a program have more
 * digits, but the last of them are not exact.
 */
const MAX_ROUNDED_DECIMALS = 12;

export function sameExpression(a: Node, b: Node, work: WorkBudget): Outcome {
  if (nodeKey(a) === nodeKey(b)) return same('written alike');
  const exact = withinLimits(() => exactly(a, b, work.part(EXACT_WORK)));
  if (exact) return same('equal by exact arithmetic');
  if (exact === undefined && agree(a, b, work)) return same('equal at random points');
  if (isRounding(a, b, work) || isRounding(b, a, work)) return same('equal after rounding');
  return different(exact === undefined ? 'not equal at random points' : 'not equal by exact arithmetic');
}

function exactly(a: Node, b: Node, work: WorkBudget): boolean | undefined {
  const [x, y] = [fractionOf(a, work), fractionOf(b, work)];
  return x && y && sameFraction(x, y, work);
}

/**
 * Whether `decimal` is a literal with enough decimal places to be a rounded value, and equals the rounded
 * constant `exact`.
 */
function isRounding(decimal: Node, exact: Node, work: WorkBudget): boolean {
  const written = literalOf(decimal);
  if (!written || freeSymbols(exact).size > 0) return false;
  const { value, decimals } = written;
  const half = rational(1n, 2n * 10n ** BigInt(Math.min(decimals, MAX_ROUNDED_DECIMALS))) as Rational; // the denominator is not 0
  const other = withinLimits(() => rationalValue(fractionOf(exact, work.part(EXACT_WORK))));
  if (other) return !isLess(half, absolute(subtract(value, other)));
  const approximate = constantValue(exact, work);
  const distance = Math.abs(Number(value.numerator) / Number(value.denominator) - approximate);
  return distance <= (0.5 + 1e-6) * 10 ** -Math.min(decimals, MAX_ROUNDED_DECIMALS);
}

function literalOf(node: Node): { readonly value: Rational; readonly decimals: number } | undefined {
  const isNegative = node.kind === 'negative';
  const literal: Node = isNegative ? node.of : node;
  if (literal.kind !== 'number' || literal.decimals === undefined || literal.decimals < MIN_ROUNDED_DECIMALS)
    return undefined;
  return { value: isNegative ? negate(literal.value) : literal.value, decimals: literal.decimals };
}

function absolute(value: Rational): Rational {
  return value.numerator < 0n ? negate(value) : value;
}

function isLess(a: Rational, b: Rational): boolean {
  return a.numerator * b.denominator < b.numerator * a.denominator;
}

/** k · node. */
export function scaled(node: Node, k: Rational): Node {
  if (k.numerator === 1n && k.denominator === 1n) return node;
  if (node.kind === 'number') return { kind: 'number', value: multiply(node.value, k) };
  return { kind: 'product', factors: [{ kind: 'number', value: k }, node] };
}
