import { expect, it } from 'vitest';
import { mathdNormal, sameByMathd, withoutTextCommand } from './mathd.ts';

// expected values: mathd_normalize_answer of agentica-project/deepscaler, commit 95ef74f
it('does the replacements of the original in their order', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['\\frac12', '\\frac{1}{2}'],
    ['\\frac1{72}', '\\frac{1}{72}'],
    ['\\frac{72}1', '\\frac{72}1'],
    ['\\dfrac{1}{2}', '\\frac{1}{2}'],
    ['\\sqrt3', '\\sqrt{3}'],
    ['\\sqrt13', '\\sqrt{1}3'],
    ['0.5', '\\frac{1}{2}'],
    ['.5', '\\frac{1}{2}'],
    ['0.50', '0.50'],
    ['1/2', '\\frac{1}{2}'],
    ['-1/2', '\\frac{-1}{2}'],
    ['01/2', '01/2'],
    ['x=5', '5'],
    ['xyz=5', 'xyz=5'],
    ['90^\\circ', '90'],
    ['\\$18.90', '18.90'],
    ['50\\%', '50'],
    ['5.4 \\text{ cents}', '5.4'],
    ['1 \\text{ a} 2 \\text{ b}', '1 \\text{ a} 2 \\text{ b}'],
    ['\\text{Evelyn}', 'Evelyn'],
    ['\\left( 3, \\frac{\\pi}{2} \\right)', '(3,\\frac{\\pi}{2})'],
    ['11,\\! 111', '11,111'],
    ['\\frac', '\\frac'],
    ['\\sqrt', '\\sqrt'],
    ['', ''],
  ];
  for (const [answer, normal] of rows) expect(mathdNormal(answer), answer).toBe(normal);
});

it('compares strings', () => {
  expect(sameByMathd('\\frac{1}{2}', '0.5')).toBe(true);
  expect(sameByMathd('\\frac{1}{2}', '\\frac{2}{4}')).toBe(false);
  expect(sameByMathd('y = 2x + 3', '2x+3')).toBe(true);
});

it('unwraps a text command only if it is the whole text', () => {
  expect(withoutTextCommand('\\text{a}')).toBe('a');
  expect(withoutTextCommand('\\text{a} b')).toBe('\\text{a} b');
  expect(withoutTextCommand('\\text{a} and \\text{b}')).toBe('a} and \\text{b');
});
