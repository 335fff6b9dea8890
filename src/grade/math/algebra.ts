/**
 * Converts syntax trees to exact values: an expression becomes a quotient of two {@link Polynomial}s. Two
 * expressions are equal if cross-multiplication gives the same polynomial.
 * @module
 */
import { integer, type Rational } from '../rational.ts';
import type { Node } from './ast.ts';
import { exactCall } from './exact-call.ts';
import {
  type Fraction,
  fractionKey,
  letter,
  opaque,
  productOf,
  quotientOf,
  rationalValue,
  sumOf,
  whole,
} from './fraction.ts';
import { powerOf, rootOf } from './fraction-power.ts';
import { nodeKey } from './node-key.ts';
import { constant, ONE, ofPowers, scale } from './polynomial.ts';
import { I } from './radical.ts';
import { indicesOf } from './series.ts';
import type { WorkBudget } from './work-budget.ts';

/** Values of the variables of the enclosing sums and products. */
export type Bindings = ReadonlyMap<string, Rational>;

const NOTHING_BOUND: Bindings = new Map();

/**
 * Returns the exact value of an expression.
 *
 * @returns undefined when the expression has no exact value: for a division by 0 and for nodes that are not
 *   expressions
 * @throws WorkBudgetExceeded
 */
export function fractionOf(
  node: Node,
  work: WorkBudget,
  bindings: Bindings = NOTHING_BOUND,
): Fraction | undefined {
  work.spend(1);
  const of = (child: Node): Fraction | undefined => fractionOf(child, work, bindings);
  switch (node.kind) {
    case 'number':
      return whole(constant(node.value));
    case 'constant':
      return letter(node.name, node.name === 'i' ? I : undefined);
    case 'symbol': {
      const bound = bindings.get(node.name);
      return bound ? whole(constant(bound)) : letter(`$${node.name}`);
    }
    case 'numeral':
      return whole(constant(integer(numeralValue(node.digits, node.base))));
    case 'negative': {
      const value = of(node.of);
      return value && { ...value, over: scale(value.over, integer(-1), work) };
    }
    case 'sum':
      return fold(node.terms, of, (a, b) => sumOf(a, b, work));
    case 'product':
      return fold(node.factors, of, (a, b) => productOf(a, b, work));
    case 'quotient': {
      const [over, under] = [of(node.over), of(node.under)];
      return over && under && quotientOf(over, under, work);
    }
    case 'power':
      return powerOf(of(node.base), of(node.exponent), work);
    case 'root':
      return rootOf(of(node.of), of(node.index), work);
    case 'quantity':
      return quantityValue(node.unit, of(node.value), work);
    case 'call':
      return callOf(node.name, node.args.map(of), work);
    case 'series':
      return seriesOf(node, work, bindings);
    case 'ratio':
      return node.parts.length === 2
        ? of({ kind: 'quotient', over: node.parts[0], under: node.parts[1] })
        : undefined;
    default:
      return undefined;
  }
}

/**
 * Multiplies a value by its unit. Percent is the factor 1/100, degree is π/180, and any other unit is a
 * symbolic factor.
 */
function quantityValue(unit: string, value: Fraction | undefined, work: WorkBudget): Fraction | undefined {
  if (!value) return undefined;
  const name = unit.trim().toLowerCase();
  if (/^(percent|pct|percentage)$/.test(name))
    return productOf(value, whole(constant({ numerator: 1n, denominator: 100n })), work);
  if (/^(degree|degrees|deg)$/.test(name)) {
    const radians = ofPowers({ numerator: 1n, denominator: 180n }, [
      { atom: { key: 'pi', type: 'letter' }, exponent: integer(1) },
    ]);
    return productOf(value, whole(radians), work);
  }
  return name === '' ? value : productOf(value, letter(`unit ${name}`), work);
}

function fold(
  nodes: readonly Node[],
  of: (node: Node) => Fraction | undefined,
  join: (a: Fraction, b: Fraction) => Fraction,
): Fraction | undefined {
  let total: Fraction | undefined;
  for (const node of nodes) {
    const value = of(node);
    if (!value) return undefined;
    total = total ? join(total, value) : value;
  }
  return total;
}

function callOf(
  name: string,
  args: readonly (Fraction | undefined)[],
  work: WorkBudget,
): Fraction | undefined {
  const known: Fraction[] = [];
  for (const arg of args) {
    if (!arg) return undefined;
    known.push(arg);
  }
  const values = known.map(rationalValue);
  const numbers = values.filter((value) => value !== undefined);
  if (numbers.length === values.length) {
    const exact = exactCall(name, numbers, work);
    if (exact) return whole(constant(exact));
  }
  return opaque(`${name}(${known.map(fractionKey).join(';')})`);
}

/**
 * Returns the value of a sum or product with few terms. Any other series is an atom that is identified by its
 * notation.
 */
function seriesOf(
  node: Node & { readonly kind: 'series' },
  work: WorkBudget,
  bindings: Bindings,
): Fraction | undefined {
  const from = node.from && rationalValue(fractionOf(node.from, work, bindings));
  const to = node.to && rationalValue(fractionOf(node.to, work, bindings));
  const indices = indicesOf(node, from, to);
  if (!indices) return opaque(nodeKey(node));
  let total: Fraction = whole(node.operation === 'sum' ? constant(integer(0)) : ONE);
  for (let k = indices[0]; k <= indices[1]; k++) {
    work.spend(10);
    const term = fractionOf(node.body, work, new Map([...bindings, [node.variable, integer(k)]]));
    if (!term) return undefined;
    total = node.operation === 'sum' ? sumOf(total, term, work) : productOf(total, term, work);
  }
  return total;
}

/** Returns the value of a numeral in a base. The letters a to z are the digits 10 to 35. */
export function numeralValue(digits: string, base: number): bigint {
  let value = 0n;
  for (const digit of digits) value = value * BigInt(base) + BigInt(Number.parseInt(digit, 36) || 0);
  return value;
}
