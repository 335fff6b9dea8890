import { expect, it } from 'vitest';
import { isIntegerText, pythonFloat, splitTuple, sympyNormal } from './sympy-normal.ts';

// expected values: _normalize of agentica-project/deepscaler, commit 95ef74f
it('normalizes answers as the original does', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['\\frac{x+2}{7}', 'x+2/7'],
    ['1\\frac{4}{5}', '1+4/5'],
    ['-1 1/2', '-1+1/2'],
    ['52_8', '528'],
    ['1e3', '1000'],
    ['2.0000001', '2'],
    ['3.0', '3'],
    ['58,500', '58500'],
    ['\\$32,\\!348', '32348'],
    ['90^\\circ', '90'],
    ['30^{\\circ}', '30^∘'],
    ['15\\mbox{ cm}^2', '15^2'],
    ['10 inches', '10'],
    ['2 million', '2*10^6'],
    ['3 and 4', '3,4'],
    ['\\sqrt[3]{5}', 'sqrt(5)'],
    ['2\\pi', '2pi'],
    ['\\text{(C)}', '(c)'],
    ['{5}', '5'],
    ['$x$', 'x'],
  ];
  for (const [answer, normal] of rows) expect(sympyNormal(answer), answer).toBe(normal);
});

it('pythonFloat accepts the same texts as float()', () => {
  for (const [text, value] of [
    ['1_0', 10],
    [' -2.5 ', -2.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['inf', Number.NaN],
  ] as const)
    expect(pythonFloat(text), text).toBe(value);
  for (const text of ['', '1__0', '_1', '1,000', '0x10', 'e5', '5-'])
    expect(pythonFloat(text), text).toBeUndefined();
});

it('integers may have thousands separators', () => {
  expect(['1,234', '1234', '2.00000001', '-7'].map(isIntegerText)).toEqual([true, true, true, true]);
  expect(['1,23', '2.5', 'x', 'inf', ''].map(isIntegerText)).toEqual([false, false, false, false, false]);
});

it('only tuples without inner brackets are split', () => {
  expect(splitTuple('(1,2,3]')).toEqual(['1', '2', '3']);
  expect(splitTuple('(1,234,5)')).toEqual(['1234', '5']);
  expect(splitTuple('((1,2),3)')).toEqual(['((1,2),3)']);
  expect(splitTuple('1,2')).toEqual(['1,2']);
  expect(splitTuple('')).toEqual([]);
});
