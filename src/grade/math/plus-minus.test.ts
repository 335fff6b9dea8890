import { expect, it } from 'vitest';
import { canonicalText } from './canonical-text.ts';
import { parse } from './parser.ts';
import { expandPlusMinus, hasSeveralSigns } from './plus-minus.ts';
import { WorkBudget } from './work-budget.ts';

function expanded(text: string, areFree = false): string {
  const node = parse(text, 'thousands', new WorkBudget())?.node;
  if (!node) throw new Error(`cannot parse ${text}`);
  return canonicalText(expandPlusMinus(node, areFree), new WorkBudget());
}

it('a plus-minus sign gives two answers', () => {
  expect(expanded('\\pm 3')).toBe('{-3, 3}');
  expect(expanded('1 \\pm 2')).toBe('{-1, 3}');
  expect(expanded('\\{\\pm 1, 5\\}')).toBe('{-1, 1, 5}');
  expect(expanded('x = 4 \\pm 1')).toBe('{3, 5}');
  expect(expanded('7')).toBe('7');
});

it('signs of one answer change together or independently', () => {
  expect(expanded('(\\pm 1, \\mp 2)')).toBe('{(-1, 2), (1, -2)}');
  expect(expanded('(\\pm 1, \\pm 2)')).toBe('{(-1, -2), (1, 2)}');
  expect(expanded('(\\pm 1, \\pm 2)', true)).toBe('{(-1, -2), (-1, 2), (1, -2), (1, 2)}');
});

it('too many independent signs change together', () => {
  const node = parse(`(${'\\pm 1, '.repeat(9)}2)`, 'thousands', new WorkBudget())?.node;
  if (!node) throw new Error('cannot parse');
  expect(hasSeveralSigns(node)).toBe(true);
  const free = expandPlusMinus(node, true);
  expect(free.kind === 'list' && free.items.length).toBe(2);
});
