import { describe, expect, it } from 'vitest';
import { formatRational } from '../rational.ts';
import { fractionOf } from './algebra.ts';
import { type Fraction, rationalValue, sameFraction } from './fraction.ts';
import { parse } from './parser.ts';
import { WorkBudget } from './work-budget.ts';

function fraction(text: string): Fraction | undefined {
  const work = new WorkBudget();
  const node = parse(text, 'thousands', work)?.node;
  return node && fractionOf(node, work);
}

const value = (text: string): string | undefined => {
  const exact = rationalValue(fraction(text));
  return exact && formatRational(exact);
};

/** Returns whether the expressions in two texts are equal; undefined when exact arithmetic cannot decide. */
function same(a: string, b: string): boolean | undefined {
  const [x, y] = [fraction(a), fraction(b)];
  if (!x || !y) throw new Error(`no value: ${a}, ${b}`);
  return sameFraction(x, y, new WorkBudget());
}

describe('fractionOf', () => {
  it('computes constants exactly', () => {
    expect(value('1\\frac45-0.3')).toBe('3/2');
    expect(value('2^{-3}+4^{3/2}')).toBe('65/8');
    expect(value('\\frac{10!}{8!}+\\binom{5}{2}')).toBe('100');
    expect(value('\\sum_{k=1}^{4} k^2 \\cdot 2')).toBe('60');
    expect(value('\\prod_{k=1}^{3} \\sum_{j=1}^{k} j')).toBe('18');
    expect(value('|3-5|+\\lfloor -1.5 \\rfloor+\\gcd(12,18)+\\max(1,2)')).toBe('8');
    expect(value('25\\%')).toBe('1/4');
    expect(value('52_8')).toBe('42');
    expect(value('(\\sqrt2+1)(\\sqrt2-1)')).toBe('1');
    expect(value('(1+i)^4')).toBe('-4');
  });

  it('is undefined for divisions by 0 and for nodes that are not expressions', () => {
    expect(fraction('\\frac{1}{2-2}')).toBeUndefined();
    expect(fraction('0^{-1}')).toBeUndefined();
    expect(fraction('(1,2)')).toBeUndefined();
    expect(fraction('\\text{words}')).toBeUndefined();
  });
});

describe('sameFraction', () => {
  it('decides polynomials, quotients and roots of numbers', () => {
    expect(same('(a+b)^3', 'a^3+3a^2b+3ab^2+b^3')).toBe(true);
    expect(same('\\frac1x+\\frac1y', '\\frac{x+y}{xy}')).toBe(true);
    expect(same('\\frac{x^2-1}{x-1}', 'x+1')).toBe(true);
    expect(same('\\frac{1}{1+\\sqrt2}', '\\sqrt2-1')).toBe(true);
    expect(same('\\sqrt x\\sqrt x', 'x')).toBe(true);
    expect(same('x+1', 'x-1')).toBe(false);
    expect(same('\\sqrt2+\\sqrt3', '\\sqrt5')).toBe(false);
    expect(same('\\pi', '3.14159265358979')).toBe(false);
    expect(same('2^{200}+1', '2^{200}')).toBe(false);
  });

  it('decides powers with symbolic exponents', () => {
    expect(same('2^{n+1}', '2\\cdot 2^n')).toBe(true);
    expect(same('e^{x+y}', 'e^ye^x')).toBe(true);
    expect(same('\\frac{2^{2n}}{2^n}', '2^n')).toBe(true);
  });

  it('is undefined for functions and nested roots, unless their arguments are equal', () => {
    expect(same('\\sin^2x+\\cos^2x', '1')).toBeUndefined();
    expect(same('\\sqrt{3+2\\sqrt2}', '1+\\sqrt2')).toBeUndefined();
    expect(same('\\sqrt{x^2}', 'x')).toBeUndefined();
    expect(same('\\sin(x+1)', '\\sin(1+x)')).toBe(true);
  });
});
