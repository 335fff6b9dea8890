/**
 * Functions of rational numbers with rational values.
 * @module
 */
import { add, integer, multiply, negate, type Rational, subtract } from '../rational.ts';
import { floorOf } from './polynomial.ts';
import { gcd } from './radical.ts';
import type { WorkBudget } from './work-budget.ts';

const MAX_FACTORIAL = 500;

/**
 * Returns the exact value of a function call; undefined when the value is not rational, not defined, or too
 * large to compute.
 */
export function exactCall(name: string, args: readonly Rational[], work: WorkBudget): Rational | undefined {
  const [first, second] = args;
  if (!first) return undefined;
  switch (name) {
    case 'abs':
      return isNegative(first) ? negate(first) : first;
    case 'sgn':
      return integer(first.numerator === 0n ? 0 : isNegative(first) ? -1 : 1);
    case 'floor':
      return integer(floorOf(first));
    case 'ceil':
      return integer(-floorOf(negate(first)));
    case 'factorial':
      return factorial(first, 1n, work);
    case 'double factorial':
      return factorial(first, 2n, work);
    case 'binomial':
      return second && binomial(first, second, work);
    case 'gcd':
    case 'lcm':
      return args.every((arg) => arg.denominator === 1n) ? commonOf(name, args) : undefined;
    case 'max':
      return args.reduce((a, b) => (isNegative(subtract(a, b)) ? b : a));
    case 'min':
      return args.reduce((a, b) => (isNegative(subtract(a, b)) ? a : b));
    default:
      return undefined;
  }
}

function isNegative(value: Rational): boolean {
  return value.numerator < 0n;
}

/** Returns n(n - step)(n - 2 step)..., down to the last positive factor: n! for step 1, n!! for step 2. */
function factorial(of: Rational, step: bigint, work: WorkBudget): Rational | undefined {
  if (of.denominator !== 1n || of.numerator < 0n || of.numerator > MAX_FACTORIAL) return undefined;
  let value = 1n;
  for (let k = of.numerator; k > 1n; k -= step) {
    work.spend(1);
    value *= k;
  }
  return integer(value);
}

/** Returns the binomial coefficient n(n-1)...(n-k+1)/k! for an integer k >= 0. */
function binomial(n: Rational, k: Rational, work: WorkBudget): Rational | undefined {
  if (k.denominator !== 1n || k.numerator > MAX_FACTORIAL) return undefined;
  if (k.numerator < 0n) return integer(0);
  let value = integer(1);
  for (let j = 0n; j < k.numerator; j++) {
    work.spend(2);
    value = multiply(multiply(value, add(n, integer(-j))), { numerator: 1n, denominator: j + 1n });
  }
  return value;
}

function commonOf(name: 'gcd' | 'lcm', args: readonly Rational[]): Rational {
  const divisor = (a: bigint, b: bigint): bigint => gcd(a, b);
  const multiple = (a: bigint, b: bigint): bigint => (a === 0n || b === 0n ? 0n : (a / gcd(a, b)) * b);
  const value = args.map((arg) => arg.numerator).reduce(name === 'gcd' ? divisor : multiple);
  return integer(value < 0n ? -value : value);
}
