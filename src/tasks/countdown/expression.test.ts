import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRational } from '../../grade/rational.ts';
import { evaluate, integersOf, MAX_EXPRESSION_LENGTH, parseExpression } from './expression.ts';

function exactly(text: string): string | undefined {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  const value = evaluate(parsed.expression);
  return value && formatRational(value);
}

function reasonOf(text: string): string {
  const parsed = parseExpression(text);
  return parsed.ok ? 'parsed' : parsed.reason;
}

describe('evaluate', () => {
  it('applies precedence, brackets and left-to-right order', () => {
    expect(exactly('2+3*4')).toBe('14');
    expect(exactly('(2+3)*4')).toBe('20');
    expect(exactly('9-4-3')).toBe('2');
    expect(exactly('24/4/2')).toBe('3');
    expect(exactly('24/(4/2)')).toBe('12');
    expect(exactly('2*-3--4')).toBe('-2');
    expect(exactly(' ( 7 ) ')).toBe('7');
  });

  it('is exact for fractions', () => {
    expect(exactly('8/(3-8/3)')).toBe('24');
    expect(exactly('1/3+1/3+1/3')).toBe('1');
    expect(exactly('1/10+2/10')).toBe('3/10');
    expect(exactly('99999999999999999999+1')).toBe('100000000000000000000');
  });

  it('is undefined for a division by zero', () => {
    expect(exactly('5/(3-3)')).toBeUndefined();
    expect(exactly('1+2*(3/0)')).toBeUndefined();
    expect(exactly('0/0')).toBeUndefined();
  });

  it('accepts typographic signs', () => {
    expect(exactly('6×3÷2−1')).toBe('8');
  });
});

describe('parseExpression', () => {
  it('gives the position, the expected token and the actual one', () => {
    expect(reasonOf('')).toBe('the expression is empty');
    expect(reasonOf('2+')).toBe('expected a number, "-" or "(" at position 3, got the end');
    expect(reasonOf('2+*3')).toBe('expected a number, "-" or "(" at position 3, got "*"');
    expect(reasonOf('(2+3')).toBe('expected an operator or ")" at position 5, got the end');
    expect(reasonOf('2+3)')).toBe('expected an operator or the end at position 4, got ")"');
    expect(reasonOf('9*5-2=43')).toBe('expected an operator or the end at position 6, got "="');
    expect(reasonOf('2 3')).toBe('expected an operator or the end at position 3, got "3"');
    expect(reasonOf('1.5')).toBe('expected an operator or the end at position 2, got "."');
    expect(reasonOf('process.exit()')).toBe('expected a number, "-" or "(" at position 1, got "p"');
    expect(reasonOf('1+'.repeat(MAX_EXPRESSION_LENGTH))).toBe('the expression is longer than 256 characters');
  });

  it('handles the deepest nesting that it accepts', () => {
    const half = Math.floor((MAX_EXPRESSION_LENGTH - 1) / 2);
    expect(exactly(`${'('.repeat(half)}7${')'.repeat(half)}`)).toBe('7');
    expect(exactly(`${'-'.repeat(MAX_EXPRESSION_LENGTH - 1)}7`)).toBe('-7');
  });

  it('never throws', () => {
    const noise = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'()+-*/ 0123456789') }));
    fc.assert(
      fc.property(noise, (text) => {
        const parsed = parseExpression(text);
        if (parsed.ok) evaluate(parsed.expression);
        else expect(parsed.reason).not.toBe('');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('integersOf', () => {
  it('lists the integers from left to right, with repetitions and leading zeros', () => {
    const parsed = parseExpression('-(4*04)+12/4');
    expect(parsed.ok && integersOf(parsed.expression)).toEqual([4n, 4n, 12n, 4n]);
  });
});
