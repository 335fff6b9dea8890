/**
 * Exact expressions as sums of monomials c · a₁^q₁ · a₂^q₂ ..., with rational c and q. Atoms are letters, π, e,
 * i, primes under roots, and values that cannot be decomposed (a sine, a root of a sum). Exponents may be
 * negative or fractional, so √x and 1/x are monomials too.
 * @module
 */
import { add, equal, integer, multiply, negate, type Rational } from '../rational.ts';
import { type WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/**
 * A factor that is not a rational number. Atoms with equal keys are equal.
 *
 * * `letter`: a free symbol, or π or e, for which no polynomial relation is known;
 * * `unit`: i, with i² = -1;
 * * `prime`: a prime, with exponents strictly between 0 and 1;
 * * `root`: a sum under a root, or an integer too large to factor, with exponents below 1;
 * * `opaque`: a value that is identified only by its key and may depend on other atoms.
 */
export interface Atom {
  readonly key: string;
  readonly type: 'letter' | 'unit' | 'prime' | 'root' | 'opaque';
  /** The number under the root for `prime`, the number or sum under the root for `root`. */
  readonly base?: bigint | Polynomial;
}

export interface Monomial {
  readonly key: string;
  readonly coefficient: Rational;
  /** The factors of the monomial: atoms with exponents other than 0, sorted by key. */
  readonly powers: readonly Power[];
}

export interface Power {
  readonly atom: Atom;
  readonly exponent: Rational;
}

/** Monomials by key; no coefficient is 0. */
export type Polynomial = ReadonlyMap<string, Monomial>;

const MAX_MONOMIALS = 400;

export const ZERO: Polynomial = new Map();
export const ONE: Polynomial = constant(integer(1));

export function constant(value: Rational): Polynomial {
  return value.numerator === 0n ? new Map() : new Map([['', { key: '', coefficient: value, powers: [] }]]);
}

export function ofPowers(coefficient: Rational, powers: readonly Power[]): Polynomial {
  const monomial = monomialOf(coefficient, powers);
  return coefficient.numerator === 0n ? ZERO : new Map([[monomial.key, monomial]]);
}

function monomialOf(coefficient: Rational, powers: readonly Power[]): Monomial {
  const sorted = [...powers].sort((a, b) => (a.atom.key < b.atom.key ? -1 : 1));
  const key = sorted
    .map(({ atom, exponent }) => `${atom.key}^${exponent.numerator}/${exponent.denominator}`)
    .join(' ');
  return { key, coefficient, powers: sorted };
}

/** Returns the value of a constant polynomial; undefined for a polynomial that is not constant. */
export function rationalOf(polynomial: Polynomial): Rational | undefined {
  if (polynomial.size === 0) return integer(0);
  return polynomial.size === 1 ? polynomial.get('')?.coefficient : undefined;
}

/** Returns the monomial of a polynomial that has exactly one; undefined for other polynomials. */
export function monomialIn(polynomial: Polynomial): Monomial | undefined {
  return polynomial.size === 1 ? [...polynomial.values()][0] : undefined;
}

/** a + b. */
export function plus(a: Polynomial, b: Polynomial, work: WorkBudget): Polynomial {
  const sum = new Map(a);
  for (const monomial of b.values()) addMonomial(sum, monomial, work);
  return sum;
}

function addMonomial(sum: Map<string, Monomial>, monomial: Monomial, work: WorkBudget): void {
  const there = sum.get(monomial.key);
  if (!there) {
    if (sum.size >= MAX_MONOMIALS) throw new WorkBudgetExceeded('the answer has too many terms');
    work.spend(1);
    sum.set(monomial.key, monomial);
    return;
  }
  const coefficient = checked(add(there.coefficient, monomial.coefficient), work);
  if (coefficient.numerator === 0n) sum.delete(monomial.key);
  else sum.set(monomial.key, { ...monomial, coefficient });
}

/** factor · a. */
export function scale(a: Polynomial, factor: Rational, work: WorkBudget): Polynomial {
  if (factor.numerator === 0n) return ZERO;
  const scaled = new Map<string, Monomial>();
  for (const [key, monomial] of a)
    scaled.set(key, { ...monomial, coefficient: checked(multiply(monomial.coefficient, factor), work) });
  return scaled;
}

export function minus(a: Polynomial, b: Polynomial, work: WorkBudget): Polynomial {
  return plus(a, scale(b, integer(-1), work), work);
}

/** Returns a · b. The rules i² = -1, √2 · √2 = 2 and so on are applied. */
export function times(a: Polynomial, b: Polynomial, work: WorkBudget): Polynomial {
  const result = new Map<string, Monomial>();
  for (const x of a.values())
    for (const y of b.values()) {
      work.spend(4 + 2 * (x.powers.length + y.powers.length));
      const merged = mergePowers(x.powers, y.powers);
      const coefficient = checked(multiply(x.coefficient, y.coefficient), work);
      for (const monomial of normalMonomial(coefficient, merged, work).values())
        addMonomial(result, monomial, work);
    }
  return result;
}

/** Returns a^n for an integer n >= 0, by repeated squaring. */
export function integerPower(a: Polynomial, n: number, work: WorkBudget): Polynomial {
  let result = ONE;
  for (let square = a, left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = times(result, square, work);
    if (left > 1) square = times(square, square, work);
  }
  return result;
}

function mergePowers(a: readonly Power[], b: readonly Power[]): Power[] {
  if (a.length === 0) return [...b];
  if (b.length === 0) return [...a];
  const merged = new Map<string, Power>(a.map((power) => [power.atom.key, power]));
  for (const { atom, exponent } of b) {
    const there = merged.get(atom.key);
    merged.set(atom.key, { atom, exponent: there ? add(there.exponent, exponent) : exponent });
  }
  return [...merged.values()].filter(({ exponent }) => exponent.numerator !== 0n);
}

/**
 * Returns coefficient · powers in normal form: integer powers of primes and of roots are multiplied out, so
 * that a value has the same sum of monomials regardless of how it was computed.
 */
export function normalMonomial(
  coefficient: Rational,
  powers: readonly Power[],
  work: WorkBudget,
): Polynomial {
  let factor = coefficient;
  let expanded = ONE;
  const kept: Power[] = [];
  for (const { atom, exponent } of powers) {
    if (atom.type === 'unit') {
      const turns = floorOf({ numerator: exponent.numerator, denominator: exponent.denominator * 2n });
      if (turns % 2n !== 0n) factor = negate(factor);
      keep(kept, atom, add(exponent, integer(-2n * turns))); // i^q with q in [0, 2)
    } else if (atom.base === undefined || (typeof atom.base !== 'bigint' && exponent.numerator < 0n)) {
      kept.push({ atom, exponent });
    } else {
      const whole = floorOf(exponent);
      keep(kept, atom, add(exponent, integer(-whole)));
      if (whole === 0n) continue;
      if (typeof atom.base === 'bigint') factor = multiply(factor, wholePower(atom.base, whole, work));
      else expanded = times(expanded, integerPower(atom.base, smallInteger(whole), work), work);
    }
  }
  const monomial = ofPowers(factor, kept);
  return expanded === ONE ? monomial : times(monomial, expanded, work);
}

function keep(kept: Power[], atom: Atom, exponent: Rational): void {
  if (exponent.numerator !== 0n) kept.push({ atom, exponent });
}

function wholePower(base: bigint, exponent: bigint, work: WorkBudget): Rational {
  const n = smallInteger(exponent < 0n ? -exponent : exponent);
  work.requireBits(n * bitLength(base));
  const value = base ** BigInt(n);
  return exponent < 0n ? { numerator: 1n, denominator: value } : { numerator: value, denominator: 1n };
}

export function floorOf({ numerator, denominator }: Rational): bigint {
  const quotient = numerator / denominator;
  return numerator < 0n && quotient * denominator !== numerator ? quotient - 1n : quotient;
}

/** Converts an exponent to a number. @throws WorkBudgetExceeded when it is not within ±1,000,000 */
export function smallInteger(value: bigint): number {
  if (value > 1_000_000n || value < -1_000_000n)
    throw new WorkBudgetExceeded('the answer has an exponent that is too large');
  return Number(value);
}

export function bitLength(value: bigint): number {
  return value.toString(16).length * 4;
}

function checked(value: Rational, work: WorkBudget): Rational {
  // computing the bit length is slow and most numbers are small
  if (isSmall(value.numerator) && isSmall(value.denominator)) work.spend(1);
  else work.requireBits(bitLength(value.numerator) + bitLength(value.denominator));
  return value;
}

const SMALL = 1n << 60n;
function isSmall(value: bigint): boolean {
  return value < SMALL && value > -SMALL;
}

export function samePolynomial(a: Polynomial, b: Polynomial): boolean {
  if (a.size !== b.size) return false;
  for (const [key, { coefficient }] of a) {
    const other = b.get(key);
    if (!other || !equal(coefficient, other.coefficient)) return false;
  }
  return true;
}

/** Returns a text key. Equal polynomials have the same key. */
export function polynomialKey(polynomial: Polynomial): string {
  return [...polynomial.values()]
    .map(({ key, coefficient }) => `${coefficient.numerator}/${coefficient.denominator}*${key}`)
    .sort()
    .join('+');
}

/**
 * Whether the atoms are known to be independent, so that a polynomial with at least one monomial is not 0.
 * Letters, i, and fractional powers of distinct primes are linearly independent over the rationals; nested
 * roots and functions may not be.
 */
export function isDecisive(polynomial: Polynomial): boolean {
  for (const { powers } of polynomial.values())
    for (const { atom } of powers) if (atom.type === 'root' || atom.type === 'opaque') return false;
  return true;
}
