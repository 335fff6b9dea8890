import { describe, expect, it } from 'vitest';
import type { Node } from './ast.ts';
import { parse } from './parser.ts';
import { type Region, regionOf } from './region.ts';
import { WorkBudget } from './work-budget.ts';

function node(text: string): Node {
  const parsed = parse(text, 'thousands', new WorkBudget());
  if (!parsed) throw new Error(`cannot parse ${text}`);
  return parsed.node;
}

const region = (text: string): string => shown(regionOf(node(text), new WorkBudget()));

function shown(pieces: Region | undefined): string {
  if (!pieces) return 'none';
  return pieces
    .map(
      ({ low, high, lowClosed, highClosed }) =>
        `${lowClosed ? '[' : '('}${low.value},${high.value}${highClosed ? ']' : ')'}`,
    )
    .join(' ');
}

describe('regionOf', () => {
  it('reads intervals, points and named sets', () => {
    expect(region('[1,2)')).toBe('[1,2)');
    expect(region('[-\\infty,\\frac12]')).toBe('(-Infinity,0.5]');
    expect(region('\\{3,1\\}')).toBe('[1,1] [3,3]');
    expect(region('\\mathbb{R}')).toBe('(-Infinity,Infinity)');
    expect(region('\\text{all real numbers}')).toBe('(-Infinity,Infinity)');
    expect(region('\\emptyset')).toBe('');
    expect(region('(1,1)')).toBe('');
  });

  it('merges intervals that touch and keeps the others', () => {
    expect(region('[1,2] \\cup [2,3)')).toBe('[1,3)');
    expect(region('[1,2) \\cup (2,3)')).toBe('[1,2) (2,3)');
    expect(region('[1,2) \\cup \\{2\\} \\cup (2,3)')).toBe('[1,3)');
    expect(region('(3,4) \\cup (0,1)')).toBe('(0,1) (3,4)');
    expect(region('[0,9] \\cup [2,3]')).toBe('[0,9]');
    expect(region('[0,\\sqrt2) \\cup [2^{1/2},2]')).toBe('[0,2]');
  });

  it('computes intersections and differences', () => {
    expect(region('[1,3) \\cap (2,5]')).toBe('(2,3)');
    expect(region('[1,2] \\cap [2,3]')).toBe('[2,2]');
    expect(region('[1,2) \\cap (2,3]')).toBe('');
    expect(region('(0,36) \\setminus \\{9\\}')).toBe('(0,9) (9,36)');
    expect(region('[0,9] \\setminus (2,3]')).toBe('[0,2] (3,9]');
  });

  it('solves relations in one unknown', () => {
    expect(region('1 < x \\le 2')).toBe('(1,2]');
    expect(region('2 \\ge x > 1')).toBe('(1,2]');
    expect(region('0<f(x)<1')).toBe('(0,1)');
    expect(region('x \\ne 3')).toBe('(-Infinity,3) (3,Infinity)');
    expect(region('x \\in [1,2]')).toBe('[1,2]');
    expect(region('4-2x > 0')).toBe('(-Infinity,2)');
    expect(region('|x| < 2')).toBe('(-2,2)');
    expect(region('|2x-2| \\ge 4')).toBe('(-Infinity,-1] [3,Infinity)');
    expect(region('|x| = 1')).toBe('[-1,-1] [1,1]');
    expect(region('\\{x \\mid x \\ge 2\\}')).toBe('[2,Infinity)');
  });

  it('intersects conditions that are compatible', () => {
    expect(region('x > 1 \\text{ and } x < 3')).toBe('(1,3)');
    expect(region('x < 1, x > 3')).toBe('(-Infinity,1) (3,Infinity)');
    expect(region('x > 1 \\text{ or } x < 3')).toBe('(-Infinity,Infinity)');
  });

  it('is undefined for pairs, several letters and ends without a value', () => {
    for (const text of ['(3,1)', '(1,2,3)', 'x < y', 'x^2 < 4', '[a,b]', '\\{i\\}', '5'])
      expect(region(text), text).toBe('none');
  });
});
