/**
 * Complex numbers in double precision, for numeric agreement. NaN in either part means undefined.
 * @module
 */

export interface Complex {
  readonly re: number;
  readonly im: number;
}

export const UNDEFINED: Complex = { re: Number.NaN, im: Number.NaN };

export function real(re: number): Complex {
  return { re, im: 0 };
}

export function plus(a: Complex, b: Complex): Complex {
  return { re: a.re + b.re, im: a.im + b.im };
}

export function times(a: Complex, b: Complex): Complex {
  // real factors are multiplied alone, because infinity · 0 would make the imaginary part NaN
  if (a.im === 0 && b.im === 0) return real(a.re * b.re);
  return { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re };
}

export function over(a: Complex, b: Complex): Complex {
  if (b.re === 0 && b.im === 0) return UNDEFINED;
  if (a.im === 0 && b.im === 0) return real(a.re / b.re);
  const size = b.re * b.re + b.im * b.im;
  return { re: (a.re * b.re + a.im * b.im) / size, im: (a.im * b.re - a.re * b.im) / size };
}

export function abs(a: Complex): number {
  return Math.hypot(a.re, a.im);
}

/** The principal logarithm. */
export function log(a: Complex): Complex {
  if (a.re === 0 && a.im === 0) return UNDEFINED;
  return { re: Math.log(abs(a)), im: Math.atan2(a.im, a.re) };
}

export function exp(a: Complex): Complex {
  const size = Math.exp(a.re);
  return a.im === 0 ? real(size) : { re: size * Math.cos(a.im), im: size * Math.sin(a.im) };
}

/** Returns the principal value of a^b. Integer powers of real numbers are real. */
export function power(a: Complex, b: Complex): Complex {
  if (a.im === 0 && b.im === 0 && (a.re > 0 || Number.isInteger(b.re))) return real(a.re ** b.re);
  if (a.re === 0 && a.im === 0) return b.re > 0 ? real(0) : UNDEFINED;
  return exp(times(b, log(a)));
}

export function sin(a: Complex): Complex {
  if (a.im === 0) return real(Math.sin(a.re));
  return { re: Math.sin(a.re) * Math.cosh(a.im), im: Math.cos(a.re) * Math.sinh(a.im) };
}

export function cos(a: Complex): Complex {
  if (a.im === 0) return real(Math.cos(a.re));
  return { re: Math.cos(a.re) * Math.cosh(a.im), im: -Math.sin(a.re) * Math.sinh(a.im) };
}

/** Returns log Γ(x) for real x > 0 by the Lanczos approximation (g = 7, 9 terms), accurate to about 1e-14. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - logGamma(1 - x);
  let sum = LANCZOS[0];
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i] / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Returns Γ(x) for every real x except the poles 0, -1, -2, ... */
export function gamma(x: number): number {
  if (Number.isInteger(x)) {
    if (x <= 0) return Number.NaN;
    let value = 1;
    for (let k = 2; k < x && value < Number.MAX_VALUE; k++) value *= k;
    return value;
  }
  const sign = x < 0 && Math.floor(x) % 2 !== 0 ? -1 : 1;
  return sign * Math.exp(logGamma(x));
}
