import { expect, it } from 'vitest';
import { formatRational } from '../../rational.ts';
import { fractionOf } from '../algebra.ts';
import { rationalValue } from '../fraction.ts';
import { WorkBudget, WorkBudgetExceeded } from '../work-budget.ts';
import { parsePython } from './python-expression.ts';

const value = (text: string): string | undefined => {
  const node = parsePython(text);
  const exact = node && rationalValue(fractionOf(node, new WorkBudget()));
  return exact && formatRational(exact);
};

it('has the precedence of Python and implicit products', () => {
  expect(value('1+2*3^2/4')).toBe('11/2');
  expect(value('-2^2')).toBe('-4');
  expect(value('2^-1')).toBe('1/2');
  expect(value('2^3^2')).toBe('512');
  expect(value('2(3)(4)')).toBe('24');
  expect(value('3sqrt(4)')).toBe('6');
  expect(value('5!')).toBe('120');
  expect(value('1/2x-x/2')).toBe('0');
  expect(value('x2-2x')).toBe('0');
  expect(value('1.5e1')).toBe('15');
  expect(value('1_000')).toBe('1000');
});

it('splits names into letters, except pi and a few functions', () => {
  expect(value('ab-ba')).toBe('0');
  expect(value('ii-i^2')).toBe('0');
  expect(value('pi-pi')).toBe('0');
  expect(value('sqrt3-3sqrt')).toBe('0');
});

it('is undefined for texts that sympy cannot parse', () => {
  for (const text of ['', '1+', '(1', '1)', 'x=5', '1,2', '|x|', 'x<5', '[1]', 'in', '%', 'sqrt()'])
    expect(parsePython(text), text).toBeUndefined();
});

it('throws on excessive nesting', () => {
  for (const text of ['('.repeat(1000), '-'.repeat(1000), 'sqrt('.repeat(300)])
    expect(() => parsePython(text)).toThrow(WorkBudgetExceeded);
});
