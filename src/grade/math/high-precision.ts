/**
 * Compares constants in 60-digit arithmetic, because different constants may be equal as doubles. For
 * example, e^(π√163) is not an integer, although it differs from one by less than 1e-12.
 * @module
 */
import { Decimal } from 'decimal.js';
import type { Node, NodeOf } from './ast.ts';
import type { WorkBudget } from './work-budget.ts';

const DIGITS = 60;
/** Maximum difference of two equal values, relative to the largest intermediate value. */
const SAME = '1e-45';

/**
 * Cost in units of {@link WorkBudget}: of an arithmetic operation, and of a function that is computed as a
 * series.
 */
const STEP = 20;
const SERIES_STEPS = 1000;

/**
 * Maximum argument of a periodic function, and maximum number of digits of a power. Beyond them the result
 * loses its digits or takes too long.
 */
const MAX_ANGLE = '1e12';
const MAX_POWER_DIGITS = 100_000;

const Precise = Decimal.clone({ precision: DIGITS, rounding: Decimal.ROUND_HALF_EVEN });
const PI = Precise.acos(-1);

/** Thrown for a value that cannot be computed: it is not real or not defined, or the function is unknown. */
class NotComputable extends Error {
  override readonly name = 'NotComputable';
}

/**
 * Whether two real constants are equal to 45 digits.
 *
 * @param logBase - base of `\log` without a subscript
 * @returns undefined when one of the constants cannot be computed
 * @throws WorkBudgetExceeded
 */
export function equalToHighPrecision(
  a: Node,
  b: Node,
  { logBase, work }: { readonly logBase: number; readonly work: WorkBudget },
): boolean | undefined {
  try {
    const evaluator = new Evaluator(logBase, work);
    const [x, y] = [evaluator.value(a), evaluator.value(b)];
    const size = Precise.max(x.abs(), y.abs(), evaluator.scale);
    return x.minus(y).abs().lte(size.times(SAME));
  } catch (error) {
    if (error instanceof NotComputable) return undefined;
    throw error;
  }
}

class Evaluator {
  /** Largest absolute value that was a term of a sum or an argument of a periodic function. */
  scale: Decimal = new Precise(0);
  readonly #logBase: number;
  readonly #work: WorkBudget;

  constructor(logBase: number, work: WorkBudget) {
    this.#logBase = logBase;
    this.#work = work;
  }

  value(node: Node): Decimal {
    this.#work.spend(STEP);
    const value = this.#raw(node);
    if (!value.isFinite()) throw new NotComputable();
    return value;
  }

  #raw(node: Node): Decimal {
    switch (node.kind) {
      case 'number':
        return new Precise(`${node.value.numerator}`).div(`${node.value.denominator}`);
      case 'constant':
        return constant(node.name);
      case 'negative':
        return this.value(node.of).neg();
      case 'sum':
        return node.terms.map((term) => this.#tracked(this.value(term))).reduce((a, b) => a.plus(b));
      case 'product':
        return node.factors.map((factor) => this.value(factor)).reduce((a, b) => a.times(b));
      case 'quotient':
        return this.value(node.over).div(this.value(node.under));
      case 'power':
        return this.#power(node);
      case 'root':
        return this.#root(this.value(node.of), this.value(node.index));
      case 'quantity':
        return this.value(node.value).times(unitFactor(node.unit));
      case 'call':
        return this.#call(node);
      default:
        throw new NotComputable();
    }
  }

  #tracked(value: Decimal): Decimal {
    this.scale = Precise.max(this.scale, value.abs());
    return value;
  }

  #power({ base, exponent }: NodeOf<'power'>): Decimal {
    const of = this.value(base);
    if (of.isNegative() && exponent.kind === 'quotient') {
      const root = this.#root(of, this.value(exponent.under));
      return this.#raised(root, this.value(exponent.over));
    }
    return this.#raised(of, this.value(exponent));
  }

  #raised(base: Decimal, exponent: Decimal): Decimal {
    this.#work.spend(SERIES_STEPS);
    const digits = exponent.abs().times(Math.abs(base.e) + 1);
    if (digits.gt(MAX_POWER_DIGITS)) throw new NotComputable();
    return base.pow(exponent);
  }

  #root(of: Decimal, index: Decimal): Decimal {
    this.#work.spend(SERIES_STEPS);
    if (index.eq(2)) return of.sqrt();
    if (index.eq(3)) return of.cbrt();
    const isOdd = index.isInteger() && !index.mod(2).isZero();
    if (of.isNegative()) return isOdd ? this.#root(of.neg(), index).neg() : new Precise(Number.NaN);
    return this.#raised(of, new Precise(1).div(index));
  }

  #call({ name, args }: NodeOf<'call'>): Decimal {
    this.#work.spend(SERIES_STEPS);
    const [x, base] = args.map((arg) => this.value(arg));
    if (!x) throw new NotComputable();
    if (name === 'log') return x.ln().div((base ?? new Precise(this.#base())).ln());
    if (name === 'abs') return x.abs();
    const inverse = INVERSE[name];
    if (inverse) return inverse(x);
    const periodic = PERIODIC[name];
    if (!periodic || x.abs().gt(MAX_ANGLE)) throw new NotComputable();
    return periodic(this.#tracked(x));
  }

  #base(): Decimal | number {
    return this.#logBase === Math.E ? Precise.exp(1) : this.#logBase;
  }
}

function constant(name: NodeOf<'constant'>['name']): Decimal {
  if (name === 'pi') return PI;
  if (name === 'e') return Precise.exp(1);
  throw new NotComputable();
}

function unitFactor(unit: string): Decimal {
  if (/^\s*(?:percent|pct|percentage)\s*$/i.test(unit)) return new Precise('0.01');
  if (/^\s*(?:degrees?|deg)\s*$/i.test(unit)) return PI.div(180);
  throw new NotComputable();
}

type Unary = (x: Decimal) => Decimal;

const PERIODIC: Readonly<Record<string, Unary>> = {
  sin: (x) => x.sin(),
  cos: (x) => x.cos(),
  tan: (x) => x.sin().div(x.cos()),
  cot: (x) => x.cos().div(x.sin()),
  sec: (x) => new Precise(1).div(x.cos()),
  csc: (x) => new Precise(1).div(x.sin()),
};

const INVERSE: Readonly<Record<string, Unary>> = {
  arcsin: (x) => x.asin(),
  arccos: (x) => x.acos(),
  arctan: (x) => x.atan(),
};
