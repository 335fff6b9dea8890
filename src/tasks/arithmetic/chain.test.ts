import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { CHAIN_OPERATIONS, type Chain, chainKey, chainText, drawChain, reduceChain } from './chain.ts';

const chains: fc.Arbitrary<Chain> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.constantFrom(...CHAIN_OPERATIONS)), {
    minLength: 2,
    maxLength: 6,
  })
  .map((pairs) => ({
    operands: pairs.map(([operand]) => operand),
    operations: pairs.slice(1).map(([, operation]) => operation),
  }));

describe('reduceChain', () => {
  it('evaluates products before sums, each from the left', () => {
    const chain: Chain = { operands: [12, 7, 3, 4], operations: ['+', '*', '-'] };
    expect(chainText(chain)).toBe('12+7*3-4');
    expect(reduceChain(chain)).toEqual({ steps: ['7*3=21', '12+21=33', '33-4=29'], value: 29n });
  });

  it('continues with a negative intermediate result', () => {
    const chain: Chain = { operands: [3, 9, 5], operations: ['-', '+'] };
    expect(reduceChain(chain)).toEqual({ steps: ['3-9=-6', '-6+5=-1'], value: -1n });
  });

  it('reduces every result to 0..modulus-1, also negative ones', () => {
    const chain: Chain = { operands: [3, 9, 8], operations: ['-', '*'] };
    expect(reduceChain(chain, 10)).toEqual({ steps: ['9*8=2', '3-2=1'], value: 1n });
    expect(reduceChain({ operands: [3, 9], operations: ['-'] }, 10).value).toBe(4n);
  });

  it('agrees with the evaluation of JavaScript', () => {
    fc.assert(
      fc.property(chains, (chain) => {
        // safe to evaluate as JavaScript: the text consists only of digits and + - *
        const value: unknown = new Function(`return ${chainText(chain)}`)();
        expect(reduceChain(chain).value).toBe(BigInt(value as number));
      }),
    );
  });

  it('gives the same value with the modulus at every step as at the end', () => {
    fc.assert(
      fc.property(chains, fc.integer({ min: 2, max: 50 }), (chain, modulus) => {
        const m = BigInt(modulus);
        expect(reduceChain(chain, modulus).value).toBe(((reduceChain(chain).value % m) + m) % m);
      }),
    );
  });
});

describe('chainKey', () => {
  const key = (operands: number[], ...operations: Chain['operations']) => chainKey({ operands, operations });

  it('is equal for chains with swapped terms or factors', () => {
    expect(key([12, 7, 3, 4], '+', '*', '-')).toBe('+12 +3*7 -4');
    expect(key([3, 7, 4, 12], '*', '-', '+')).toBe('+12 +3*7 -4');
    expect(key([17, 25, 38], '+', '+')).toBe(key([38, 17, 25], '+', '+'));
  });

  it('differs for chains that differ in more than order', () => {
    expect(key([5, 3], '-')).not.toBe(key([3, 5], '-'));
    expect(key([2, 3, 4], '+', '*')).not.toBe(key([2, 3, 4], '*', '+'));
    expect(key([1, 23], '+')).not.toBe(key([12, 3], '+'));
  });

  it('does not depend on the order of added terms', () => {
    const terms = fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(terms, (operands) => {
        const operations = operands.slice(1).map(() => '+' as const);
        const reversed = [...operands].reverse();
        expect(chainKey({ operands, operations })).toBe(chainKey({ operands: reversed, operations }));
      }),
    );
  });
});

describe('drawChain', () => {
  it('draws both ends of the range and every operation', () => {
    const stream = randomStream(3);
    const drawn = Array.from({ length: 300 }, () =>
      drawChain({ operands: 3, maxOperand: 9, operations: ['+', '-'] }, stream),
    );
    expect(new Set(drawn.flatMap((chain) => chain.operands))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    expect(new Set(drawn.flatMap((chain) => chain.operations))).toEqual(new Set(['+', '-']));
    for (const chain of drawn) expect([chain.operands.length, chain.operations.length]).toEqual([3, 2]);
  });
});
