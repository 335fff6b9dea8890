/**
 * Evaluates an expression at a point in double precision.
 * @module
 */
import { fnv1a } from '../../core/hash.ts';
import type { Rational } from '../rational.ts';
import { numeralValue } from './algebra.ts';
import type { Node, Series } from './ast.ts';
import {
  abs,
  type Complex,
  cos,
  exp,
  gamma,
  log,
  over,
  plus,
  power,
  real,
  sin,
  times,
  UNDEFINED,
} from './complex.ts';
import { MAX_SERIES_TERMS } from './series.ts';
import type { WorkBudget } from './work-budget.ts';

/** The point at which an expression is evaluated: the values of the letters, and the conventions. */
export interface Point {
  readonly symbols: ReadonlyMap<string, Complex>;
  /** Base of `\log` without a subscript: 10 or e, because authors use both. */
  readonly logBase: number;
  /**
   * If true, every value that is not a real number is undefined, and odd roots of negative numbers are real.
   * If false, the values are complex.
   */
  readonly realOnly: boolean;
  readonly work: WorkBudget;
}

export interface Evaluation {
  readonly value: Complex;
  /**
   * Largest absolute value that was a term of a sum or an argument of a periodic function. The rounding error
   * of `value` is proportional to it.
   */
  readonly scale: number;
}

export function evaluate(node: Node, point: Point): Evaluation {
  const evaluator = new Evaluator(point);
  const value = evaluator.value(node);
  return { value, scale: evaluator.scale };
}

export function toNumber({ numerator, denominator }: Rational): number {
  const [above, below] = [Number(numerator), Number(denominator)];
  if (Number.isFinite(above) && Number.isFinite(below)) return above / below;
  // both numbers are too large for doubles: drop the same number of bits from both
  const shift = BigInt(Math.max(numerator.toString(16).length, denominator.toString(16).length) * 4 - 1000);
  return Number(numerator >> shift) / Number(denominator >> shift);
}

class Evaluator {
  scale = 0;
  readonly #point: Point;
  readonly #bound = new Map<string, Complex>();

  constructor(point: Point) {
    this.#point = point;
  }

  value(node: Node): Complex {
    this.#point.work.spend(2);
    const value = this.#raw(node);
    return this.#point.realOnly && value.im !== 0 ? UNDEFINED : value;
  }

  #raw(node: Node): Complex {
    switch (node.kind) {
      case 'number':
        return real(toNumber(node.value));
      case 'numeral':
        return real(Number(numeralValue(node.digits, node.base)));
      case 'constant':
        return CONSTANTS[node.name];
      case 'symbol':
        return this.#bound.get(node.name) ?? this.#point.symbols.get(node.name) ?? UNDEFINED;
      case 'negative':
        return times(real(-1), this.value(node.of));
      case 'sum':
        return node.terms.map((term) => this.#tracked(this.value(term))).reduce(plus, real(0));
      case 'product':
        return node.factors.map((factor) => this.value(factor)).reduce(times, real(1));
      case 'quotient':
        return over(this.value(node.over), this.value(node.under));
      case 'power':
        return this.#power(this.value(node.base), node.exponent);
      case 'root':
        return this.#root(this.value(node.of), this.value(node.index));
      case 'quantity':
        return times(this.value(node.value), real(unitFactor(node.unit)));
      case 'call':
        return this.#call(node.name, node.args);
      case 'series':
        return this.#series(node);
      case 'ratio':
        return node.parts.length === 2
          ? over(this.value(node.parts[0]), this.value(node.parts[1]))
          : UNDEFINED;
      default:
        return UNDEFINED;
    }
  }

  #tracked(value: Complex): Complex {
    const size = abs(value);
    if (size > this.scale) this.scale = size;
    return value;
  }

  #power(base: Complex, exponent: Node): Complex {
    // x^(1/3) is a root: in real numbers it is defined for negative x
    if (this.#point.realOnly && base.re < 0 && exponent.kind === 'quotient') {
      const [above, below] = [this.value(exponent.over).re, this.value(exponent.under).re];
      if (below % 2 !== 0 && Number.isInteger(above))
        return power(this.#root(base, real(below)), real(above));
    }
    return power(base, this.value(exponent));
  }

  #root(of: Complex, index: Complex): Complex {
    if (index.re === 2 && of.im === 0 && of.re >= 0) return real(Math.sqrt(of.re));
    if (this.#point.realOnly && of.re < 0 && Math.abs(index.re % 2) === 1)
      return real(-((-of.re) ** (1 / index.re)));
    return power(of, over(real(1), index));
  }

  #call(name: string, args: readonly Node[]): Complex {
    const values = args.map((arg) => this.value(arg));
    const [x = UNDEFINED, y] = values;
    const periodic = PERIODIC[name];
    if (periodic) return periodic(this.#tracked(x));
    if (name === 'log') return over(log(x), y ? log(y) : real(Math.log(this.#point.logBase)));
    const smooth = COMPLEX_FUNCTIONS[name];
    if (smooth) return smooth(x);
    const known = REAL_FUNCTIONS[name];
    if (known)
      return values.some(({ im }) => im !== 0) ? UNDEFINED : real(known(...values.map(({ re }) => re)));
    return unknownFunction(name, values);
  }

  #series(series: Series): Complex {
    const from = series.from ? this.value(series.from) : UNDEFINED;
    const to = series.to ? this.value(series.to) : UNDEFINED;
    if (series.operation === 'integral') return this.#integral(series, from, to);
    if (series.operation === 'limit' || !Number.isInteger(from.re) || !Number.isInteger(to.re))
      return UNDEFINED;
    if (to.re - from.re > MAX_SERIES_TERMS) return UNDEFINED;
    let total = real(series.operation === 'sum' ? 0 : 1);
    for (let k = from.re; k <= to.re; k++) {
      const term = this.#at(series, real(k));
      total = series.operation === 'sum' ? plus(total, this.#tracked(term)) : times(total, term);
    }
    return total;
  }

  #at(series: Series, value: Complex): Complex {
    const outer = this.#bound.get(series.variable);
    this.#bound.set(series.variable, value);
    const result = this.value(series.body);
    if (outer) this.#bound.set(series.variable, outer);
    else this.#bound.delete(series.variable);
    return result;
  }

  /** Integrates by tanh-sinh quadrature, which tolerates singularities at the end points. */
  #integral(series: Series, from: Complex, to: Complex): Complex {
    if (series.variable === '' || !Number.isFinite(from.re) || !Number.isFinite(to.re)) return UNDEFINED;
    const [middle, half] = [(from.re + to.re) / 2, (to.re - from.re) / 2];
    let total = real(0);
    for (let k = -QUADRATURE; k <= QUADRATURE; k++) {
      const u = (Math.PI / 2) * Math.sinh(k * QUADRATURE_STEP);
      const x = middle + half * Math.tanh(u);
      if (x === from.re || x === to.re) continue;
      const weight = ((Math.PI / 2) * Math.cosh(k * QUADRATURE_STEP)) / Math.cosh(u) ** 2;
      total = plus(
        total,
        times(this.#tracked(this.#at(series, real(x))), real(weight * half * QUADRATURE_STEP)),
      );
    }
    return total;
  }
}

const QUADRATURE = 40;
const QUADRATURE_STEP = 0.08;

const CONSTANTS: Readonly<Record<'pi' | 'e' | 'i' | 'infinity', Complex>> = {
  pi: real(Math.PI),
  e: real(Math.E),
  i: { re: 0, im: 1 },
  infinity: real(Number.POSITIVE_INFINITY),
};

function unitFactor(unit: string): number {
  const name = unit.trim().toLowerCase();
  if (/^(percent|pct|percentage)$/.test(name)) return 0.01;
  if (/^(degree|degrees|deg)$/.test(name)) return Math.PI / 180;
  return name === '' || /^(rad|radians?)$/.test(name) ? 1 : unknownFunction(name, []).re;
}

type Unary = (x: Complex) => Complex;

const inverse =
  (of: Unary): Unary =>
  (x) =>
    over(real(1), of(x));
const tan: Unary = (x) => over(sin(x), cos(x));

const PERIODIC: Readonly<Record<string, Unary>> = {
  sin,
  cos,
  tan,
  cot: (x) => over(cos(x), sin(x)),
  sec: inverse(cos),
  csc: inverse(sin),
};

const sinh: Unary = (x) => times(real(0.5), plus(exp(x), times(real(-1), exp(times(real(-1), x)))));
const cosh: Unary = (x) => times(real(0.5), plus(exp(x), exp(times(real(-1), x))));

const COMPLEX_FUNCTIONS: Readonly<Record<string, Unary>> = {
  sinh,
  cosh,
  tanh: (x) => over(sinh(x), cosh(x)),
  coth: (x) => over(cosh(x), sinh(x)),
  abs: (x) => real(abs(x)),
  Re: (x) => real(x.re),
  Im: (x) => real(x.im),
  arg: (x) => real(Math.atan2(x.im, x.re)),
};

const REAL_FUNCTIONS: Readonly<Record<string, (...args: number[]) => number>> = {
  arcsin: Math.asin,
  arccos: Math.acos,
  arctan: Math.atan,
  arccot: (x) => Math.PI / 2 - Math.atan(x),
  arcsec: (x) => Math.acos(1 / x),
  arccsc: (x) => Math.asin(1 / x),
  floor: Math.floor,
  ceil: Math.ceil,
  sgn: Math.sign,
  max: Math.max,
  min: Math.min,
  factorial: (n) => gamma(n + 1),
  'double factorial': doubleFactorial,
  binomial: (n, k) => gamma(n + 1) / (gamma(k + 1) * gamma(n - k + 1)),
};

function doubleFactorial(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > MAX_SERIES_TERMS) return Number.NaN;
  let value = 1;
  for (let k = n; k > 1; k -= 2) value *= k;
  return value;
}

/**
 * Returns the value of a function whose definition is unknown, such as f: a smooth function of the arguments
 * that depends on the name.
 */
function unknownFunction(name: string, args: readonly Complex[]): Complex {
  let angle: Complex = real((fnv1a(name) / 2 ** 32) * 10 + 1);
  args.forEach((arg, i) => {
    angle = plus(angle, times(real(1.37 + 0.61 * i), arg));
  });
  return plus(sin(angle), real(1.5));
}
