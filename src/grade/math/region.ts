/**
 * Sets of real numbers as unions of intervals in normal form, so that `(0,9) \cup (9,36)`,
 * `(0,36) \setminus \{9\}` and `0 < x < 36, x \ne 9` are the same set. End points are ordered by their value and
 * compared exactly.
 * @module
 */
import { constantValue } from './agreement.ts';
import type { Node, NodeOf } from './ast.ts';
import { mirrored, solve } from './inequality.ts';
import { namedRegion } from './word-answer.ts';
import type { WorkBudget } from './work-budget.ts';

export interface End {
  readonly node: Node;
  readonly value: number;
}

/** An interval from `low` to `high`, low <= high. For a single point both ends are closed. */
export interface Piece {
  readonly low: End;
  readonly high: End;
  readonly lowClosed: boolean;
  readonly highClosed: boolean;
}

/** A set of real numbers: intervals that do not touch, in ascending order. */
export type Region = readonly Piece[];

const INFINITY: Node = { kind: 'constant', name: 'infinity' };
const TOP: End = { node: INFINITY, value: Number.POSITIVE_INFINITY };
const BOTTOM: End = { node: { kind: 'negative', of: INFINITY }, value: Number.NEGATIVE_INFINITY };
const ALL: Region = [{ low: BOTTOM, high: TOP, lowClosed: false, highClosed: false }];

/**
 * Returns the set of real numbers that an answer describes; undefined when the answer does not describe a set
 * or an end point has no value.
 */
export function regionOf(node: Node, work: WorkBudget): Region | undefined {
  work.spend(1);
  switch (node.kind) {
    case 'bracket':
      return interval(node, work);
    case 'set':
      return points(node.items, work);
    case 'set-name':
      return SET_NAMES[node.name];
    case 'set-operation': {
      const [a, b] = [regionOf(node.left, work), regionOf(node.right, work)];
      return a && b && combined(a, b, node.operation, work);
    }
    case 'builder':
      return regionOf(node.condition, work);
    case 'relation':
      return fromRelation(node, work);
    case 'list':
      return fromList(node, work);
    case 'text': {
      const named = namedRegion(node.text);
      return named && (named === 'all' ? ALL : []);
    }
    default:
      return undefined;
  }
}

const ZERO_END: End = { node: { kind: 'number', value: { numerator: 0n, denominator: 1n } }, value: 0 };

const SET_NAMES: Readonly<Record<string, Region>> = {
  R: ALL,
  'R^+': [{ low: ZERO_END, high: TOP, lowClosed: false, highClosed: false }],
  'R^>0': [{ low: ZERO_END, high: TOP, lowClosed: false, highClosed: false }],
  'R^-': [{ low: BOTTOM, high: ZERO_END, lowClosed: false, highClosed: false }],
};

function endOf(node: Node, work: WorkBudget): End | undefined {
  const value = constantValue(node, work);
  return Number.isNaN(value) ? undefined : { node, value };
}

/**
 * Converts brackets with two items in ascending order to an interval; undefined for other brackets, which are
 * tuples.
 */
function interval({ items, open, close }: NodeOf<'bracket'>, work: WorkBudget): Region | undefined {
  if (items.length !== 2 || open === '<' || close === '<') return undefined;
  const [low, high] = [endOf(items[0], work), endOf(items[1], work)];
  if (!low || !high || low.value > high.value) return undefined;
  if (low.value === high.value && !(open === '[' && close === '[')) return [];
  return [{ low, high, lowClosed: isClosed(open, low), highClosed: isClosed(close, high) }];
}

/** Whether an end of an interval is closed. Infinite ends are open with either bracket. */
function isClosed(sign: string, { value }: End): boolean {
  return sign === '[' && Number.isFinite(value);
}

function points(items: readonly Node[], work: WorkBudget): Region | undefined {
  const pieces: Piece[] = [];
  for (const item of items) {
    const end = endOf(item, work);
    if (!end || !Number.isFinite(end.value)) return undefined;
    pieces.push({ low: end, high: end, lowClosed: true, highClosed: true });
  }
  return joined(pieces);
}

/**
 * Returns the solutions of a chain of relations in one unknown, e.g. `1 < x \le 2`, `x \ne 3`,
 * `x \in [1, 2]`.
 */
function fromRelation(node: NodeOf<'relation'>, work: WorkBudget): Region | undefined {
  if (node.signs.length === 1 && node.signs[0] === 'in') return regionOf(node.operands[1], work);
  const distance = fromDistance(node, work);
  if (distance) return distance;
  let region: Region | undefined = ALL;
  for (const bound of solve(node, work) ?? []) {
    const part = half(bound, work);
    region = region && part && combined(region, part, 'intersection', work);
  }
  return region === ALL ? undefined : region;
}

/**
 * Solves relations with an absolute value: `|a| < c` is -c < a < c, and `|a| > c` is a < -c or a > c.
 * Undefined for other relations.
 */
function fromDistance({ operands, signs }: NodeOf<'relation'>, work: WorkBudget): Region | undefined {
  const [left, right] = operands; // a relation has at least two operands
  const [sign] = signs;
  if (signs.length !== 1 || left.kind !== 'call' || left.name !== 'abs') return undefined;
  const mirror = sign && mirrored(sign);
  if (!sign || !mirror) return undefined;
  const [inner] = left.args;
  const sides: NodeOf<'relation'>[] = [
    { kind: 'relation', operands: [inner, right], signs: [sign] },
    { kind: 'relation', operands: [inner, { kind: 'negative', of: right }], signs: [mirror] },
  ];
  const [above, below] = sides.map((side) => fromRelation(side, work));
  const isUnion = sign === '>' || sign === '>=' || sign === '=';
  return above && below && combined(above, below, isUnion ? 'union' : 'intersection', work);
}

/** Returns all x with `x sign bound`. */
function half(
  { sign, bound }: { readonly sign: string; readonly bound: Node },
  work: WorkBudget,
): Region | undefined {
  const end = endOf(bound, work);
  if (!end) return undefined;
  const point: Piece = { low: end, high: end, lowClosed: true, highClosed: true };
  switch (sign) {
    case '<':
    case '<=':
      return [
        { low: BOTTOM, high: end, lowClosed: false, highClosed: sign === '<=' && Number.isFinite(end.value) },
      ];
    case '>':
    case '>=':
      return [
        { low: end, high: TOP, lowClosed: sign === '>=' && Number.isFinite(end.value), highClosed: false },
      ];
    case '=':
      return [point];
    case '!=':
      return combined(ALL, [point], 'difference', work);
    default:
      return undefined;
  }
}

/**
 * Returns the intersection of listed conditions, or their union if they are joined by `or` or the
 * intersection is empty, as for `x < 1, x > 3`.
 */
function fromList({ items, joint }: NodeOf<'list'>, work: WorkBudget): Region | undefined {
  const regions = items.map((item) => regionOf(item, work));
  if (regions.length === 0 || regions.some((region) => region === undefined)) return undefined;
  const all = regions as Region[]; // none is undefined
  const joinBy = (operation: 'union' | 'intersection'): Region =>
    all.reduce((a, b) => combined(a, b, operation, work));
  if (joint === 'or') return joinBy('union');
  const together = joinBy('intersection');
  return together.length > 0 ? together : joinBy('union');
}

/** A boundary on the number line, directly before a value (side 0) or directly after it (side 1). */
interface Cut {
  readonly end: End;
  readonly side: 0 | 1;
}

/** Combines two sets by sweeping over all boundaries from left to right. */
function combined(
  a: Region,
  b: Region,
  operation: 'union' | 'intersection' | 'difference',
  work: WorkBudget,
): Region {
  work.spend(4 * (a.length + b.length) * (a.length + b.length));
  const cuts = [...a, ...b].flatMap(cutsOf).sort(byPosition);
  const pieces: Piece[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i], cuts[i + 1]];
    if (byPosition(from, to) === 0) continue;
    const [inA, inB] = [covers(a, from), covers(b, from)];
    const isIn = operation === 'union' ? inA || inB : inA && (operation === 'intersection' ? inB : !inB);
    if (isIn)
      pieces.push({ low: from.end, high: to.end, lowClosed: from.side === 0, highClosed: to.side === 1 });
  }
  return joined(pieces);
}

function cutsOf({ low, high, lowClosed, highClosed }: Piece): Cut[] {
  return [
    { end: low, side: lowClosed ? 0 : 1 },
    { end: high, side: highClosed ? 1 : 0 },
  ];
}

function byPosition(a: Cut, b: Cut): number {
  return sameValue(a.end.value, b.end.value) ? a.side - b.side : a.end.value - b.end.value;
}

/** Whether two end points are equal up to rounding. */
export function sameValue(a: number, b: number): boolean {
  if (a === b) return true;
  return Number.isFinite(a - b) && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b));
}

/** Whether the numbers directly after the boundary are in the region. */
function covers(region: Region, cut: Cut): boolean {
  return region.some((piece) => {
    const [start, stop] = cutsOf(piece);
    return byPosition(start, cut) <= 0 && byPosition(cut, stop) < 0;
  });
}

/** Sorts intervals and merges those that touch. */
function joined(pieces: readonly Piece[]): Region {
  const sorted = [...pieces].sort((a, b) => byPosition(cutsOf(a)[0], cutsOf(b)[0]));
  const result: Piece[] = [];
  for (const piece of sorted) {
    const last = result.at(-1);
    if (last && byPosition(cutsOf(last)[1], cutsOf(piece)[0]) >= 0) {
      if (byPosition(cutsOf(piece)[1], cutsOf(last)[1]) > 0)
        result[result.length - 1] = { ...last, high: piece.high, highClosed: piece.highClosed };
    } else result.push(piece);
  }
  return result;
}
