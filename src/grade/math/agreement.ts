/**
 * Numeric agreement: compares two expressions by their values at random points. It is used for expressions
 * that exact arithmetic cannot decide: functions, nested roots, symbolic exponents.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import { childrenOf, contains, type Node } from './ast.ts';
import { abs, type Complex, real } from './complex.ts';
import { type Evaluation, evaluate, type Point } from './evaluate.ts';
import { equalToHighPrecision } from './high-precision.ts';
import { type WorkBudget, withinLimits } from './work-budget.ts';

/**
 * Key of the random stream that draws the points. It is constant, so that every comparison uses the same
 * points.
 */
const STREAM = 0x6d617468;

/** Tolerances of equality: relative to the two values, and relative to the largest intermediate value. */
const RELATIVE = 1e-9;
const ROUNDING = 1e-13;

/**
 * Number of points drawn per distribution, and minimum number of points at which both expressions must be
 * defined.
 */
const POINTS_PER_DISTRIBUTION = 4;
const POINTS_NEEDED = 3;

/** Distribution from which the value of each letter at a point is drawn. */
type Distribution = 'positive' | 'mixed' | 'integer' | 'complex' | 'mixed complex';

/**
 * Whether a and b agree at all random points where both are defined. The letters get real values (positive,
 * of both signs, integer), or complex values if i occurs or too few real points are defined.
 *
 * @returns undefined when too few points are defined
 */
export function agree(a: Node, b: Node, work: WorkBudget): boolean | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  const isComplex = [a, b].some((node) =>
    contains(node, ({ kind, ...n }) => kind === 'constant' && 'name' in n && n.name === 'i'),
  );
  const bases = [a, b].some((node) => contains(node, isPlainLog)) ? [10, Math.E] : [10];
  const distributions: readonly (readonly Distribution[])[] = isComplex
    ? [['complex']]
    : [['positive', 'mixed', 'integer'], ['complex']];
  for (const group of distributions) {
    // one base of `log` must fit all points: `log 100` is either 2 (base 10) or ln 100 (base e)
    const verdicts = bases.map((logBase) => {
      const verdict = agreeAt(a, b, { names, distributions: group, logBase, work });
      return verdict && names.length === 0 ? isConfirmed(a, b, { logBase, work }) : verdict;
    });
    if (verdicts.includes(true)) return true;
    if (verdicts.includes(false)) return false;
  }
  return undefined;
}

/**
 * Whether two constants that agree in double precision also agree in high precision. Returns true for rounded
 * decimals and for constants that cannot be computed in high precision.
 */
function isConfirmed(
  a: Node,
  b: Node,
  { logBase, work }: { readonly logBase: number; readonly work: WorkBudget },
): boolean {
  if (contains(a, isRounded) || contains(b, isRounded)) return true;
  return withinLimits(() => equalToHighPrecision(a, b, { logBase, work: work.part(PRECISE_WORK) })) ?? true;
}

/** Budget of the high-precision comparison, in units of {@link WorkBudget}. */
const PRECISE_WORK = 50_000;

/**
 * Minimum number of decimal places of a decimal that is read as a rounded value. Decimals with fewer places
 * are exact, so 0.33 is not 1/3. Math-Verify also rounds floats to 6 places before it compares them.
 */
export const MIN_ROUNDED_DECIMALS = 6;

function isRounded(node: Node): boolean {
  return node.kind === 'number' && (node.decimals ?? 0) >= MIN_ROUNDED_DECIMALS;
}

/** Whether a and b agree as functions of complex numbers, where √(x²) is not x, and √x·√y is not √(xy). */
export function agreeAsComplex(a: Node, b: Node, work: WorkBudget): boolean | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  return agreeAt(a, b, { names, distributions: ['complex', 'mixed complex'], logBase: Math.E, work });
}

/**
 * Returns the real number c for which a = c·b at random points, e.g. √3 for √3·x - y and x - y/√3; undefined
 * if there is none.
 */
export function constantRatio(a: Node, b: Node, work: WorkBudget): number | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  const ratios: number[] = [];
  for (let n = 0; n < 2 * POINTS_PER_DISTRIBUTION; n++) {
    const stream = randomStream(STREAM, n);
    const distribution = n < POINTS_PER_DISTRIBUTION ? 'positive' : 'mixed';
    const symbols = new Map(
      names.map((name) => [name, draw(distribution, stream.uniform(), stream.uniform())]),
    );
    const point: Point = { symbols, logBase: 10, realOnly: true, work };
    const [x, y] = [evaluate(a, point), evaluate(b, point)];
    const isZero = Math.abs(y.value.re) <= RELATIVE * y.scale;
    if (isDefined(x) && isDefined(y) && !isZero) ratios.push(x.value.re / y.value.re);
  }
  const [first = Number.NaN] = ratios;
  const isConstant = ratios.every((ratio) => Math.abs(ratio - first) <= 10 * RELATIVE * Math.abs(first));
  return ratios.length >= POINTS_NEEDED && isConstant ? first : undefined;
}

interface Sample {
  readonly names: readonly string[];
  readonly distributions: readonly Distribution[];
  readonly logBase: number;
  readonly work: WorkBudget;
}

function agreeAt(a: Node, b: Node, { names, distributions, logBase, work }: Sample): boolean | undefined {
  const isConstant = names.length === 0;
  let defined = 0;
  for (const [index, distribution] of distributions.entries()) {
    for (let n = 0; n < (isConstant ? 1 : POINTS_PER_DISTRIBUTION); n++) {
      const stream = randomStream(STREAM, index, n);
      const symbols = new Map(
        names.map((name) => [name, draw(distribution, stream.uniform(), stream.uniform())]),
      );
      const point: Point = { symbols, logBase, realOnly: !distribution.endsWith('complex'), work };
      const [x, y] = [evaluate(a, point), evaluate(b, point)];
      if (!isDefined(x) || !isDefined(y)) continue;
      if (!close(x, y)) return false;
      defined++;
    }
    if (isConstant && defined > 0) return true;
  }
  return defined >= POINTS_NEEDED ? true : undefined;
}

function draw(distribution: Distribution, u: number, v: number): Complex {
  switch (distribution) {
    case 'positive':
      return real(0.3 + 2.4 * u);
    case 'mixed':
      return real(v < 0.5 ? -2.7 + 2.4 * u : 0.3 + 2.4 * u);
    case 'integer':
      return real(2 + Math.floor(8 * u));
    case 'complex':
      return { re: 0.3 + 1.4 * u, im: 0.2 + 1.1 * v };
    case 'mixed complex':
      return { re: 3 * u - 1.5, im: 3 * v - 1.5 };
  }
}

function isDefined({ value }: Evaluation): boolean {
  return !Number.isNaN(value.re) && !Number.isNaN(value.im);
}

function close(a: Evaluation, b: Evaluation): boolean {
  if (a.value.re === b.value.re && a.value.im === b.value.im) return true; // also equal infinities
  if (!Number.isFinite(abs(a.value)) || !Number.isFinite(abs(b.value))) return false;
  const distance = Math.hypot(a.value.re - b.value.re, a.value.im - b.value.im);
  const size = Math.max(abs(a.value), abs(b.value));
  return distance <= RELATIVE * size + ROUNDING * Math.max(a.scale, b.scale);
}

/**
 * Returns the free letters of an expression: those that are not the variable of a sum, product, integral or
 * limit.
 */
export function freeSymbols(node: Node): Set<string> {
  const names = new Set<string>();
  collect(node, new Set(), names);
  return names;
}

function collect(node: Node, bound: ReadonlySet<string>, names: Set<string>): void {
  if (node.kind === 'symbol') {
    if (!bound.has(node.name)) names.add(node.name);
    return;
  }
  const inner = node.kind === 'series' ? new Set([...bound, node.variable]) : bound;
  for (const child of childrenOf(node)) collect(child, inner, names);
}

function isPlainLog(node: Node): boolean {
  return node.kind === 'call' && node.name === 'log' && node.args.length === 1;
}

/** Returns the value of an expression without letters; NaN when the value is undefined or not real. */
export function constantValue(node: Node, work: WorkBudget): number {
  const { value } = evaluate(node, { symbols: new Map(), logBase: 10, realOnly: true, work });
  return value.im === 0 ? value.re : Number.NaN;
}

/**
 * Returns a text that consists of the values of an expression at two fixed points, to eight digits. Equal
 * expressions in the same letters have the same text.
 *
 * @returns undefined when the expression has no finite values at these points
 */
export function fingerprint(node: Node, work: WorkBudget): string | undefined {
  const names = [...freeSymbols(node)].sort();
  for (const distribution of ['positive', 'complex'] as const) {
    const values = [0, 1].map((n) => {
      const stream = randomStream(STREAM, n);
      const symbols = new Map(
        names.map((name) => [name, draw(distribution, stream.uniform(), stream.uniform())]),
      );
      return evaluate(node, { symbols, logBase: 10, realOnly: distribution !== 'complex', work });
    });
    if (values.every((value) => isDefined(value) && Number.isFinite(abs(value.value))))
      return `f(${names.join(', ')})≈${values.map(({ value }) => valueText(value)).join(', ')}`;
  }
  return undefined;
}

function valueText({ re, im }: Complex): string {
  const digits = (x: number): string => String(Number(x.toPrecision(8)));
  return Math.abs(im) < 1e-9 * Math.abs(re) ? digits(re) : `${digits(re)}+${digits(im)}i`;
}
