import { describe, expect, it } from 'vitest';
import { cleaned, MAX_ANSWER_LENGTH, type Token, tokenize } from './tokenizer.ts';
import { WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/** Returns the tokens of a text on one line, separated by spaces. */
function line(text: string): string {
  return tokenize(text, 'thousands', new WorkBudget()).map(shown).join(' ');
}

function shown(token: Token): string {
  switch (token.kind) {
    case 'number':
      return token.digits;
    case 'word':
      return token.text;
    case 'command':
      return `\\${token.name}`;
    case 'text':
      return `"${token.text}"`;
    case 'row':
      return 'row';
    case 'sign':
      return token.text;
    default:
      return `${token.kind}:${token.name}`;
  }
}

describe('tokenize', () => {
  it('reads LaTeX, plain text and Unicode alike', () => {
    expect(line('2\\sqrt{3} \\cdot \\pi')).toBe('2 \\sqrt { 3 } * \\pi');
    expect(line('2√3·π')).toBe('2 \\sqrt 3 * \\pi');
    expect(line('x² ≤ 5')).toBe('x ^ { 2 } <= 5');
    expect(line('x₁₂ − ½')).toBe('x _ { 12 } - 1 / 2');
    expect(line('a<=b, a!=b, a==b')).toBe('a <= b , a != b , a = b');
  });

  it('drops spacing, sizes and fonts', () => {
    expect(line('\\left( 1,\\, \\displaystyle \\mathbf{x} \\right)')).toBe('( 1 , { x } )');
    expect(line('\\left. x \\right|')).toBe('x |');
    expect(line('$x$ ~ \\(y\\)')).toBe('x y');
  });

  it('takes the whole argument of text commands, inner braces included', () => {
    expect(line('5\\text{ cm {sic}}^2')).toBe('5 " cm {sic}" ^ 2');
    expect(line('\\mbox{a')).toBe('"a"');
  });

  it('recognizes commands that are joined to letters', () => {
    expect(line('3\\cdotx')).toBe('3 * x');
    expect(line(',\\quadx_2')).toBe(', quad x _ 2');
    expect(line('\\cdots \\pmod 5')).toBe('\\cdots \\pmod 5');
  });

  it('keeps cells and rows only in matrices', () => {
    expect(line('\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}')).toBe(
      'begin:pmatrix 1 & 2 row 3 & 4 end:pmatrix',
    );
    expect(line('\\begin{align*} x &= 1 \\\\ y &= 2 \\end{align*}')).toBe('x = 1 quad y = 2');
    expect(line('\\begin{array}{cc} 1 & 2 \\end{array}')).toBe('begin:array 1 & 2 end:array');
  });

  it('rejects texts that are too long', () => {
    expect(() => line('x'.repeat(MAX_ANSWER_LENGTH + 1))).toThrow(WorkBudgetExceeded);
    expect(() => line('+'.repeat(3000))).toThrow(WorkBudgetExceeded);
  });
});

describe('cleaned', () => {
  it('halves backslashes only where all are doubled', () => {
    expect(cleaned('\\\\frac{1}{2}')).toBe('\\frac{1}{2}');
    expect(cleaned('\\begin{matrix} 1 \\\\x \\end{matrix}')).toBe('\\begin{matrix} 1 \\\\x \\end{matrix}');
  });

  it('normalizes full-width letters and other alphabets', () => {
    expect(cleaned('１２ｘ')).toBe('12x');
    expect(cleaned('ℝ')).toBe('\\mathbb{R}');
  });
});
