import { expect, it } from 'vitest';
import { canonicalText } from './canonical-text.ts';
import { parse } from './parser.ts';
import { hasSeveralSigns, withoutSigns } from './signs.ts';
import { Work } from './work.ts';

function expanded(text: string, areFree = false): string {
  const node = parse(text, 'thousands', new Work())?.node;
  if (!node) throw new Error(`cannot parse ${text}`);
  return canonicalText(withoutSigns(node, areFree), new Work());
}

it('two signs are two answers', () => {
  expect(expanded('\\pm 3')).toBe('{-3, 3}');
  expect(expanded('1 \\pm 2')).toBe('{-1, 3}');
  expect(expanded('\\{\\pm 1, 5\\}')).toBe('{-1, 1, 5}');
  expect(expanded('x = 4 \\pm 1')).toBe('{3, 5}');
  expect(expanded('7')).toBe('7');
});

it('signs of one answer change together, or each on its own', () => {
  expect(expanded('(\\pm 1, \\mp 2)')).toBe('{(-1, 2), (1, -2)}');
  expect(expanded('(\\pm 1, \\pm 2)')).toBe('{(-1, -2), (1, 2)}');
  expect(expanded('(\\pm 1, \\pm 2)', true)).toBe('{(-1, -2), (-1, 2), (1, -2), (1, 2)}');
});

it('more signs than there can be answers change together', () => {
  const node = parse(`(${'\\pm 1, '.repeat(9)}2)`, 'thousands', new Work())?.node;
  if (!node) throw new Error('cannot parse');
  expect(hasSeveralSigns(node)).toBe(true);
  const free = withoutSigns(node, true);
  expect(free.kind === 'list' && free.items.length).toBe(2);
});
