/**
 * Numeric agreement: two expressions that give the same values at random points are the same. The last
 * resort, for what exact arithmetic cannot decide: functions, nested roots, symbolic exponents.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import { childrenOf, contains, type Node } from './ast.ts';
import { abs, type Complex, real } from './complex.ts';
import { type Evaluation, evaluate, type Point } from './evaluate.ts';
import { samePrecisely } from './precise.ts';
import { type Work, withinLimits } from './work.ts';

/** Names the stream the points are drawn from; the same points every time. */
const STREAM = 0x6d617468;

/** Values may differ by this share of their size, and by this share of the largest number on the way. */
const RELATIVE = 1e-9;
const ROUNDING = 1e-13;

/** Points of each sort; at least so many must be defined for both sides. */
const POINTS_PER_SORT = 4;
const POINTS_NEEDED = 3;

/** How the letters of a point are drawn. */
type Sort = 'positive' | 'mixed' | 'integer' | 'complex' | 'mixed complex';

/**
 * Whether a and b agree wherever both are defined. Letters are first taken for real numbers, of both signs
 * and also whole; only if too few such points are defined, or i occurs, for complex ones.
 *
 * @returns undefined when there are too few points to tell
 */
export function agree(a: Node, b: Node, work: Work): boolean | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  const isComplex = [a, b].some((node) =>
    contains(node, ({ kind, ...n }) => kind === 'constant' && 'name' in n && n.name === 'i'),
  );
  const bases = [a, b].some((node) => contains(node, isPlainLog)) ? [10, Math.E] : [10];
  const sorts: readonly (readonly Sort[])[] = isComplex
    ? [['complex']]
    : [['positive', 'mixed', 'integer'], ['complex']];
  for (const group of sorts) {
    // one base must fit all points: log 100 is 2 or ln 100, but not both
    const verdicts = bases.map((logBase) => {
      const verdict = agreeAt(a, b, { names, sorts: group, logBase, work });
      return verdict && names.length === 0 ? isConfirmed(a, b, { logBase, work }) : verdict;
    });
    if (verdicts.includes(true)) return true;
    if (verdicts.includes(false)) return false;
  }
  return undefined;
}

/** Of constants that agree as doubles: whether they still do to many digits, where those can be worked out. */
function isConfirmed(
  a: Node,
  b: Node,
  { logBase, work }: { readonly logBase: number; readonly work: Work },
): boolean {
  if (contains(a, isRounded) || contains(b, isRounded)) return true;
  return withinLimits(() => samePrecisely(a, b, { logBase, work: work.part(PRECISE_WORK) })) ?? true;
}

/** What many digits may cost. */
const PRECISE_WORK = 50_000;

/**
 * A decimal with at least so many decimals is taken for a rounded value; fewer are taken for exact, so 0.33
 * is not 1/3. Math-Verify compares floats after rounding to as many.
 */
export const MIN_ROUNDED_DECIMALS = 6;

function isRounded(node: Node): boolean {
  return node.kind === 'number' && (node.decimals ?? 0) >= MIN_ROUNDED_DECIMALS;
}

/** Whether a and b agree as complex functions: √(x²) is not x, and √x·√y is not √(xy). */
export function agreeAsComplex(a: Node, b: Node, work: Work): boolean | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  return agreeAt(a, b, { names, sorts: ['complex', 'mixed complex'], logBase: Math.E, work });
}

/** The real number c with a = c·b at random points, as in √3·x - y and x - y/√3; undefined if there is none. */
export function constantRatio(a: Node, b: Node, work: Work): number | undefined {
  const names = [...new Set([...freeSymbols(a), ...freeSymbols(b)])].sort();
  const ratios: number[] = [];
  for (let n = 0; n < 2 * POINTS_PER_SORT; n++) {
    const stream = randomStream(STREAM, n);
    const sort = n < POINTS_PER_SORT ? 'positive' : 'mixed';
    const symbols = new Map(names.map((name) => [name, draw(sort, stream.uniform(), stream.uniform())]));
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
  readonly sorts: readonly Sort[];
  readonly logBase: number;
  readonly work: Work;
}

function agreeAt(a: Node, b: Node, { names, sorts, logBase, work }: Sample): boolean | undefined {
  const isConstant = names.length === 0;
  let defined = 0;
  for (const [index, sort] of sorts.entries()) {
    for (let n = 0; n < (isConstant ? 1 : POINTS_PER_SORT); n++) {
      const stream = randomStream(STREAM, index, n);
      const symbols = new Map(names.map((name) => [name, draw(sort, stream.uniform(), stream.uniform())]));
      const point: Point = { symbols, logBase, realOnly: !sort.endsWith('complex'), work };
      const [x, y] = [evaluate(a, point), evaluate(b, point)];
      if (!isDefined(x) || !isDefined(y)) continue;
      if (!close(x, y)) return false;
      defined++;
    }
    if (isConstant && defined > 0) return true;
  }
  return defined >= POINTS_NEEDED ? true : undefined;
}

function draw(sort: Sort, u: number, v: number): Complex {
  switch (sort) {
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
  if (a.value.re === b.value.re && a.value.im === b.value.im) return true; // infinities too
  if (!Number.isFinite(abs(a.value)) || !Number.isFinite(abs(b.value))) return false;
  const distance = Math.hypot(a.value.re - b.value.re, a.value.im - b.value.im);
  const size = Math.max(abs(a.value), abs(b.value));
  return distance <= RELATIVE * size + ROUNDING * Math.max(a.scale, b.scale);
}

/** The letters of an expression that nothing binds. */
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

/** The value of an expression without letters; NaN when it has none or is not real. */
export function constantValue(node: Node, work: Work): number {
  const { value } = evaluate(node, { symbols: new Map(), logBase: 10, realOnly: true, work });
  return value.im === 0 ? value.re : Number.NaN;
}

/**
 * A text for an expression by its values at two fixed points, to eight digits: equal for equal expressions
 * in the same letters.
 *
 * @returns undefined when there is no value
 */
export function fingerprint(node: Node, work: Work): string | undefined {
  const names = [...freeSymbols(node)].sort();
  for (const sort of ['positive', 'complex'] as const) {
    const values = [0, 1].map((n) => {
      const stream = randomStream(STREAM, n);
      const symbols = new Map(names.map((name) => [name, draw(sort, stream.uniform(), stream.uniform())]));
      return evaluate(node, { symbols, logBase: 10, realOnly: sort !== 'complex', work });
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
