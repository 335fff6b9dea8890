/**
 * Powers and roots of exact values.
 * @module
 */
import { integer, multiply, type Rational, rational } from '../rational.ts';
import {
  type Fraction,
  fractionKey,
  opaque,
  productOf,
  quotientOf,
  rationalValue,
  whole,
} from './fraction.ts';
import {
  constant,
  integerPower,
  monomialIn,
  normalMonomial,
  ONE,
  type Polynomial,
  times,
} from './polynomial.ts';
import { fractionalPower, rationalPower } from './radical.ts';
import type { WorkBudget } from './work-budget.ts';

/** Maximum exponent of an integer power of a sum that is expanded. */
const MAX_EXPANDED_POWER = 24;

/** Returns base^exponent. @returns undefined when the power has no value, as 0^-1 */
export function powerOf(
  base: Fraction | undefined,
  exponent: Fraction | undefined,
  work: WorkBudget,
): Fraction | undefined {
  if (!base || !exponent) return undefined;
  const by = rationalValue(exponent);
  if (!by) return symbolicPower(base, exponent, work);
  const value = rationalValue(base);
  if (value) {
    const power = rationalPower(value, by, work);
    if (power) return whole(power);
    return value.numerator === 0n
      ? undefined
      : opaque(`${fractionKey(base)}^${by.numerator}/${by.denominator}`);
  }
  if (by.denominator !== 1n) return fractionalPowerOf(base, by, work);
  if (by.numerator < 0n) {
    const inverse = quotientOf(whole(ONE), base, work);
    return inverse && powerOf(inverse, whole(constant({ ...by, numerator: -by.numerator })), work);
  }
  const monomial = base.under === ONE ? monomialIn(base.over) : undefined;
  if (monomial) {
    const powers = monomial.powers.map((power) => ({
      atom: power.atom,
      exponent: multiply(power.exponent, by),
    }));
    // the power is defined, because `by` is an integer and the coefficient is not 0
    const factor = rationalPower(monomial.coefficient, by, work) as Polynomial;
    return whole(times(factor, normalMonomial(integer(1), powers, work), work));
  }
  if (by.numerator > MAX_EXPANDED_POWER) return opaque(`${fractionKey(base)}^${by.numerator}`);
  const n = Number(by.numerator);
  return {
    over: integerPower(base.over, n, work),
    under: base.under === ONE ? ONE : integerPower(base.under, n, work),
  };
}

function fractionalPowerOf(base: Fraction, by: Rational, work: WorkBudget): Fraction {
  const power = base.under === ONE ? fractionalPower(base.over, by, work) : undefined;
  return power ? whole(power) : opaque(`${fractionKey(base)}^${by.numerator}/${by.denominator}`);
}

/** The index-th root. */
export function rootOf(
  of: Fraction | undefined,
  index: Fraction | undefined,
  work: WorkBudget,
): Fraction | undefined {
  const n = rationalValue(index);
  if (!n || n.numerator === 0n) return undefined;
  const inverse = rational(n.denominator, n.numerator) as Rational; // n is not 0
  return powerOf(of, whole(constant(inverse)), work);
}

/** Returns base^(c + Σ cₖ·mₖ) as base^c · Π (base^mₖ)^cₖ for monomials mₖ, where each base^mₖ is an atom. */
function symbolicPower(base: Fraction, exponent: Fraction, work: WorkBudget): Fraction | undefined {
  const key = fractionKey(base);
  if (exponent.under !== ONE) return opaque(`${key}^${fractionKey(exponent)}`);
  let result: Fraction = whole(ONE);
  for (const { key: monomialKey, coefficient } of exponent.over.values()) {
    const factor =
      monomialKey === ''
        ? powerOf(base, whole(constant(coefficient)), work)
        : opaque(`${key}^(${monomialKey})`, coefficient);
    if (!factor) return undefined;
    result = productOf(result, factor, work);
  }
  return result;
}
