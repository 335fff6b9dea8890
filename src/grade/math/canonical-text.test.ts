import { describe, expect, it } from 'vitest';
import { normalAnswer } from './verify.ts';

describe('normalAnswer', () => {
  it('writes numbers as fractions, or as decimals where there is none', () => {
    for (const text of ['\\frac{2}{4}', '0.5', '1/2', 'x = 0.50', '\\text{1/2}', '\\frac12\\text{ cm}'])
      expect(normalAnswer(text), text).toBe('1/2');
    expect(normalAnswer('\\$1,234.50')).toBe('2469/2');
    for (const text of ['\\sqrt{12}', '2\\sqrt3', '\\frac{6}{\\sqrt3}'])
      expect(normalAnswer(text), text).toBe('≈3.464101615');
    expect(normalAnswer('-\\infty')).toBe('-∞');
    expect(normalAnswer('\\sqrt{3+2\\sqrt2}')).toBe(normalAnswer('1+\\sqrt2'));
  });

  it('expands polynomials and writes other functions by their values', () => {
    expect(normalAnswer('(x+1)^2-y')).toBe('x^2+2*x-y+1');
    expect(normalAnswer('6-5i')).toBe(normalAnswer('-5i+6'));
    expect(normalAnswer('\\frac{x^2-1}{x-1}')).toBe(normalAnswer('\\frac{x^2+x}{x}'));
    expect(normalAnswer('\\frac{x^3y-xy^3}{x^2+xy}')).toBe('x*y-y^2');
    expect(normalAnswer('\\frac{x}{x+1}')).toBe(normalAnswer('1-\\frac{1}{x+1}'));
    expect(normalAnswer('\\tan^2y+1')).toBe(normalAnswer('\\sec^2 y'));
  });

  it('sorts lists and sets and keeps the order of tuples', () => {
    expect(normalAnswer('3, 1, 2')).toBe('{1, 2, 3}');
    expect(normalAnswer('\\{2,1,2\\}')).toBe('{1, 2}');
    expect(normalAnswer('x=1 \\text{ or } x=-1')).toBe(normalAnswer('\\pm 1'));
    expect(normalAnswer('(3, 1, 2)')).toBe('(3, 1, 2)');
    expect(normalAnswer('[3,1,2]')).toBe('(3, 1, 2)');
  });

  it('writes sets of numbers as intervals', () => {
    for (const text of ['(1,2) \\cup (2,3]', '(1,3] \\setminus \\{2\\}', '(2,3]\\cup(1,2)'])
      expect(normalAnswer(text), text).toBe('(1, 2) ∪ (2, 3]');
    expect(normalAnswer('x > 3')).toBe('(3, ∞)');
    expect(normalAnswer('(3,\\infty)')).toBe('(3, ∞)');
    expect(normalAnswer('\\mathbb{R}')).toBe('(-∞, ∞)');
  });

  it('writes equations up to a factor', () => {
    expect(normalAnswer('2x+4y=6')).toBe(normalAnswer('9-6y=3x'));
    expect(normalAnswer('x^2+y^2=25')).toBe('x^2+y^2-25 = 0');
    expect(normalAnswer('y=2x+3')).toBe(normalAnswer('2x+3'));
  });

  it('has one text for equal matrices, numerals, ratios and words', () => {
    expect(normalAnswer('\\begin{bmatrix} 0.5 \\\\ 1 \\end{bmatrix}')).toBe('[[1/2], [1]]');
    expect(normalAnswer('\\frac12\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}')).toBe('[[1/2], [1]]');
    expect(normalAnswer('0101_{2}')).toBe('101_2');
    expect(normalAnswer('6:8')).toBe('3/4');
    expect(normalAnswer('2:4:6')).toBe('1:2:3');
    expect(normalAnswer('12:00')).toBe('12:0');
    for (const text of ['\\text{(B)}', 'B', '\\textbf{(b)}']) expect(normalAnswer(text), text).toBe('b');
    expect(normalAnswer('\\text{New York}')).toBe(normalAnswer('New York'));
  });

  it('keeps text that does not parse', () => {
    expect(normalAnswer('((  1')).toBe('(( 1');
    expect(normalAnswer('9'.repeat(5000))).toBe('9'.repeat(200));
  });
});
