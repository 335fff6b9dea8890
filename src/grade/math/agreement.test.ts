import { describe, expect, it } from 'vitest';
import { agree, agreeAsComplex, constantValue, fingerprint, freeSymbols } from './agreement.ts';
import type { Node } from './ast.ts';
import { parse } from './parser.ts';
import { WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

function node(text: string): Node {
  const parsed = parse(text, 'thousands', new WorkBudget());
  if (!parsed) throw new Error(`cannot parse ${text}`);
  return parsed.node;
}

const agreement = (a: string, b: string) => agree(node(a), node(b), new WorkBudget());

describe('agree', () => {
  it('accepts identities of functions', () => {
    for (const [a, b] of [
      ['\\tan^2y+1', '\\sec^2y'],
      ['\\sin2x', '2\\sin x\\cos x'],
      ['\\ln(ab)', '\\ln a+\\ln b'],
      ['\\sqrt{x^2}', '|x|'],
      ['\\binom{n}{2}', '\\frac{n(n-1)}{2}'],
      ['\\sum_{k=1}^nk', '\\frac{n(n+1)}2'],
      ['(-1)^{2n}', '1'],
      ['\\cosh^2x-\\sinh^2x', '1'],
      ['\\arctan1', '\\frac\\pi4'],
      ['e^{i\\pi}', '-1'],
      ['\\int_0^\\pi\\sin x\\,dx', '2'],
      ['\\sqrt[3]{2+\\sqrt5}', '\\frac{1+\\sqrt5}2'],
      ['\\log100', '2'],
      ['\\log5', '\\ln5'],
    ] as const)
      expect(agreement(a, b), `${a} and ${b}`).toBe(true);
  });

  it('rejects different functions', () => {
    for (const [a, b] of [
      ['\\sqrt{x^2}', 'x'],
      ['\\sin x', '\\cos x'],
      ['\\sin(\\pi n)', '0'],
      ['f(x)', 'f(y)'],
      ['f(x)', 'g(x)'],
      ['\\log100+\\ln100', '2'],
      ['e^{-50}', 'e^{-51}'],
      ['\\sin1', '\\sin1+10^{-7}'],
      ['x\\sin1', 'x\\sin1.0000001'],
      ['x', 'y'],
    ] as const)
      expect(agreement(a, b), `${a} and ${b}`).toBe(false);
  });

  it('handles cancellation and infinities', () => {
    expect(agreement('\\sin\\pi', '0')).toBe(true);
    expect(agreement('\\sqrt{3+2\\sqrt2}-\\sqrt2-1', '0')).toBe(true);
    expect(agreement('\\infty', '5')).toBe(false);
    expect(agreement('\\infty', '\\infty')).toBe(true);
  });

  it('is undefined where no point is defined', () => {
    expect(agreement('\\frac1{x-x}', '1')).toBeUndefined();
    expect(agreement('\\lim_{x\\to0}x', '0')).toBeUndefined();
  });

  it('throws when the work budget is exhausted', () => {
    const deep = '\\sum_{i=1}^{290}\\sum_{j=1}^{290}\\sum_{k=1}^{290}\\sin(ijk)';
    expect(() => agreement(deep, '0')).toThrow(WorkBudgetExceeded);
  });
});

it('agreeAsComplex compares over the complex numbers', () => {
  const complex = (a: string, b: string) => agreeAsComplex(node(a), node(b), new WorkBudget());
  expect(complex('\\sqrt{xy}', '\\sqrt x\\sqrt y')).toBe(false);
  expect(complex('\\sqrt{x}^2', 'x')).toBe(true);
  expect(agreement('\\sqrt{xy}', '\\sqrt x\\sqrt y')).toBe(true);
});

it('freeSymbols excludes the variable that a series binds', () => {
  expect([...freeSymbols(node('\\sum_{k=1}^{n}kx_1'))].sort()).toEqual(['n', 'x_1']);
});

it('constantValue is NaN for expressions without a real value', () => {
  expect(constantValue(node('\\frac{\\sqrt3}2'), new WorkBudget())).toBeCloseTo(0.8660254, 7);
  for (const text of ['x', '\\sqrt{-1}', '\\frac10', '(1,2)'])
    expect(constantValue(node(text), new WorkBudget())).toBeNaN();
});

it('fingerprints of equal expressions are equal', () => {
  const print = (text: string) => fingerprint(node(text), new WorkBudget());
  expect(print('\\tan^2y+1')).toBe(print('\\sec^2y'));
  expect(print('\\sin x')).not.toBe(print('\\sin2x'));
  expect(print('\\ln(-1-x^2)')).toMatch(/^f\(x\)≈.*i/);
  expect(print('\\frac1{x-x}')).toBeUndefined();
});
