/**
 * Special functions for confidence intervals, to double precision.
 * @see Wichura, "Algorithm AS 241", Applied Statistics 1988; DLMF 8.17.22 (incomplete beta)
 * @module
 */
import { checkInteger, checkOpenUnit, checkPositive } from './check.ts';
import { DomainError } from './errors.ts';

/** Lanczos coefficients for g = 7, nine terms. */
const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
] as const;

/**
 * Returns log Γ(x) for x > 0, with a relative error of about 1e-15.
 *
 * @throws DomainError if x <= 0
 */
export function logGamma(x: number): number {
  checkPositive('logGamma', 'x', x);
  // near 0 the reflection formula is accurate and the series is not
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let sum: number = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i] / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/**
 * Returns I_x(a, b), the regularised incomplete beta function: the probability that a Beta(a, b) variable is
 * at most x.
 *
 * @param x - 0 <= x <= 1
 * @param a - > 0
 * @param b - > 0
 * @throws DomainError if an argument is outside its range
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  checkPositive('incompleteBeta', 'a', a);
  checkPositive('incompleteBeta', 'b', b);
  if (!(x >= 0 && x <= 1)) throw new DomainError(`incompleteBeta: expected x in [0, 1], got ${x}`);
  if (x === 0 || x === 1) return x;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // the continued fraction converges fast only below the mean of the distribution
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Evaluates the continued fraction of DLMF 8.17.22 by the modified Lentz method. */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guarded = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guarded(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 1000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    const factor = d * c;
    result *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return result;
}

/**
 * Coefficients of the rational approximations of the normal quantile (AS 241, function PPND16): numerator and
 * denominator for each region of p, highest power first.
 */
const CENTRAL = {
  numerator: [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946,
    1971.5909503065513, 133.14166789178438, 3.3871328727963665,
  ],
  denominator: [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751,
    687.1870074920579, 42.31333070160091, 1,
  ],
} as const;
const MIDDLE = {
  numerator: [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  denominator: [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
} as const;
const TAIL = {
  numerator: [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124,
    0.29656057182850487, 1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  denominator: [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133,
    0.014875361290850615, 0.1369298809227358, 0.599832206555888, 1,
  ],
} as const;

/**
 * Returns the standard normal quantile Φ⁻¹(p), with a relative error of about 1e-16.
 *
 * @param p - strictly between 0 and 1
 * @throws DomainError if p is outside (0, 1)
 *
 * @example
 * normalQuantile(0.975); // ≈> 1.959963984540054
 */
export function normalQuantile(p: number): number {
  checkOpenUnit('normalQuantile', 'p', p);
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * rational(0.180625 - q * q, CENTRAL);
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p));
  return Math.sign(q) * (r <= 5 ? rational(r - 1.6, MIDDLE) : rational(r - 5, TAIL));
}

function rational(
  x: number,
  {
    numerator,
    denominator,
  }: { readonly numerator: readonly number[]; readonly denominator: readonly number[] },
): number {
  const horner = (coefficients: readonly number[]) => coefficients.reduce((sum, a) => sum * x + a, 0);
  return horner(numerator) / horner(denominator);
}

/**
 * Returns the p-quantile of Student's t distribution with `df` degrees of freedom, computed from P(T > t) = ½
 * I_{df/(df+t²)}(df/2, ½), where I is the incomplete beta function.
 *
 * @param p - strictly between 0 and 1
 * @param df - integer >= 1
 * @throws DomainError if p is outside (0, 1) or df is not an integer >= 1
 *
 * @example
 * studentQuantile(0.975, 10); // ≈> 2.2281388519862757
 */
export function studentQuantile(p: number, df: number): number {
  checkOpenUnit('studentQuantile', 'p', p);
  checkInteger('studentQuantile', 'df', df, 1);
  if (p === 0.5) return 0;
  if (p < 0.5) return -studentQuantile(1 - p, df);
  const tail = (t: number) => 0.5 * incompleteBeta(df / (df + t * t), df / 2, 0.5);
  let low = 0;
  let high = 1;
  while (tail(high) > 1 - p) {
    low = high;
    high *= 2;
  }
  // the tail probability is strictly decreasing, so bisection finds the quantile to the last bit
  for (let mid = (low + high) / 2; mid > low && mid < high; mid = (low + high) / 2) {
    if (tail(mid) > 1 - p) low = mid;
    else high = mid;
  }
  return (low + high) / 2;
}
