import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText } from './canonical.ts';
import { BINARY_OPERATORS, type Expression, evaluate, integersOf, parseExpression } from './expression.ts';

function canonical(text: string): string {
  const parsed = parseExpression(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return canonicalText(parsed.expression);
}

const expressions: fc.Arbitrary<Expression> = fc.letrec<{ tree: Expression }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    fc.nat({ max: 12 }).map((value): Expression => ({ kind: 'integer', value: BigInt(value) })),
    fc.record({ kind: fc.constant('negation' as const), of: tie('tree') }),
    fc.record({
      kind: fc.constant('binary' as const),
      operator: fc.constantFrom(...BINARY_OPERATORS),
      left: tie('tree'),
      right: tie('tree'),
    }),
  ),
})).tree;

describe('canonicalText', () => {
  it('is equal for expressions that differ in order, brackets and position of signs', () => {
    for (const text of ['3*8-2', '8*3-2', '-2+(8*3)', '(3)*8-(2)', '-(2-8*3)', '03*8-2'])
      expect(canonical(text)).toBe('3*8-2');
    for (const text of ['(7-2)*3', '3*(7-2)', '-(2-7)*3', '(2-7)*-3'])
      expect(canonical(text)).toBe('(7-2)*3');
    for (const text of ['9-(4-3)', '9-4+3', '3+9-4']) expect(canonical(text)).toBe('3+9-4');
    for (const text of ['8/(4*2)', '8/4/2', '8/2/4']) expect(canonical(text)).toBe('8/2/4');
    for (const text of ['8/(4/2)', '2*8/4', '8*2/4']) expect(canonical(text)).toBe('2*8/4');
  });

  it('differs for different calculations of the same value', () => {
    expect(canonical('2*11')).not.toBe(canonical('3*8-2'));
    expect(canonical('2*(3+4)')).not.toBe(canonical('2*3+2*4'));
  });

  it('sorts by number and not by character', () => {
    expect(canonical('12+9')).toBe('9+12');
  });

  it('chooses the sign of a bracket with value 0 by its first term', () => {
    for (const text of ['(2*3-6)*5', '5*(-6+3*2)', '-(6-2*3)*5']) expect(canonical(text)).toBe('(2*3-6)*5');
    for (const text of ['(6-2*3)*5', '-(2*3-6)*5', '(2*3-6)*-5']) expect(canonical(text)).toBe('-(2*3-6)*5');
  });

  it('does not depend on the order of terms that cancel in a bracket', () => {
    for (const text of ['(3-3)*5', '(-3+3)*5', '5*(3-3)', '-(3-3)*5', '-5*(3-3)'])
      expect(canonical(text)).toBe('(3-3)*5');
    for (const text of ['(3-3+6-2*3)*5', '-(3-3+2*3-6)*5', '-(2*3+3-6-3)*5'])
      expect(canonical(text)).toBe('-(2*3+3-3-6)*5');
  });

  it('preserves value and numbers, and is idempotent', () => {
    fc.assert(
      fc.property(expressions, (expression) => {
        fc.pre(evaluate(expression) !== undefined);
        const text = canonicalText(expression);
        const parsed = parseExpression(text);
        if (!parsed.ok) return expect(text.length).toBeGreaterThan(256);
        expect(evaluate(parsed.expression)).toEqual(evaluate(expression));
        const sorted = (of: Expression) => integersOf(of).sort((a, b) => Number(a - b));
        expect(sorted(parsed.expression)).toEqual(sorted(expression));
        expect(canonicalText(parsed.expression)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it('does not change if operands of + and * are swapped', () => {
    const mirrored = (of: Expression): Expression => {
      if (of.kind === 'integer') return of;
      if (of.kind === 'negation') return { ...of, of: mirrored(of.of) };
      const [left, right] = [mirrored(of.left), mirrored(of.right)];
      const swaps = of.operator === '+' || of.operator === '*';
      return swaps ? { ...of, left: right, right: left } : { ...of, left, right };
    };
    fc.assert(
      fc.property(expressions, (tree) => canonicalText(mirrored(tree)) === canonicalText(tree)),
      { numRuns: 2000 },
    );
  });
});
