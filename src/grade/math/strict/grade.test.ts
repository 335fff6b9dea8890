import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { extractStrictly, gradeStrictly } from './grade.ts';

const fixture = (name: string): { gold: string; prediction: string; deepscaler: boolean }[] =>
  readFileSync(new URL(`../../../../test/fixtures/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('gradeStrictly', () => {
  for (const name of ['math500-variants.jsonl', 'math-graders.jsonl'])
    it(`gives the verdicts of the official grader: ${name}`, () => {
      const cases = fixture(name);
      expect(cases.length).toBeGreaterThan(100);
      for (const { gold, prediction, deepscaler } of cases)
        expect(gradeStrictly(gold, prediction).same, `${gold} and ${prediction}`).toBe(deepscaler);
    });

  it('reproduces the known errors', () => {
    const same = (gold: string, prediction: string) => gradeStrictly(gold, prediction).same;
    expect(same('\\frac{x+2}{7}', 'x+\\frac{2}{7}')).toBe(true);
    expect(same('\\frac{x+2}{7}', '(x+2)/7')).toBe(false);
    expect(same('\\sqrt[3]{5}', '\\sqrt{5}')).toBe(true);
    expect(same('52_8', '528')).toBe(true);
    expect(same('\\cot x', 'x')).toBe(true);
    expect(same('2', '2.0000001')).toBe(true);
    expect(same('\\frac12', '\\frac24')).toBe(false);
    expect(same('3', '6/2')).toBe(false);
    expect(same('3, 5, 7', '7,3,5')).toBe(false);
    expect(same('a+b+c', 'c+b+a')).toBe(false);
    expect(same('2^{10}', '1024')).toBe(false);
    expect(same('(3,4]', '(3,4)')).toBe(false);
  });

  it('does arithmetic with roots, letters and decimals', () => {
    const same = (gold: string, prediction: string) => gradeStrictly(gold, prediction).same;
    expect(same('3\\sqrt{13}', '\\sqrt{117}')).toBe(true);
    expect(same('6r^2-4r-24', '2(3r^2-2r-12)')).toBe(true);
    expect(same('.35625', '\\frac{57}{160}')).toBe(true);
    expect(same('\\frac{125}{216}', '0.5787037037037037')).toBe(true);
    expect(same('\\frac{1}{3}', '0.3333333333333333')).toBe(false);
    expect(same('x^2', 'x^2.')).toBe(false);
    expect(same('\\sqrt{x^2}', 'x')).toBe(false);
  });

  it('rejects answers that are too long or nested too deeply', () => {
    expect(gradeStrictly('1', '1'.repeat(5000)).reason).toBe('the answer is too long');
    expect(gradeStrictly('1', `\\frac{${'{'.repeat(500)}`).reason).toBe('the answer is nested too deep');
  });
});

it('extractStrictly requires the last box to be closed', () => {
  expect(extractStrictly('\\boxed{1}\\boxed{\\frac{2}{3}} x')?.text).toBe('\\frac{2}{3}');
  for (const text of [
    '5',
    '\\boxed 5',
    '\\boxed{5',
    '\\boxed{1} \\boxed{2',
    '\\fbox{5}',
    '<think>\\boxed{1}</think>',
  ])
    expect(extractStrictly(text), text).toBeUndefined();
});
