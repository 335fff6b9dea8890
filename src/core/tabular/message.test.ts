import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactKl } from '../divergence.ts';
import { type MessageTree, messageDivergence, pinsker } from './message.ts';

const logits = fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 2, maxLength: 2 });
const leaf = logits.map((z): MessageTree => ({ logits: z }));
const inner = (below: fc.Arbitrary<MessageTree>) =>
  fc.tuple(logits, below, below).map(([z, a, b]): MessageTree => ({ logits: z, next: [a, b] }));
const tree = inner(inner(leaf));

describe('messageDivergence', () => {
  it('equals the divergence of a state for messages of one token', () => {
    const { klNewOld, klOldNew, tv, tokenSum } = messageDivergence({ logits: [1, 0] }, { logits: [0, 0.5] });
    const exact = exactKl([1, 0], [0, 0.5]);
    expect(klNewOld).toBeCloseTo(exact.klNewOld, 15);
    expect(klOldNew).toBeCloseTo(exact.klOldNew, 15);
    expect(tv).toBeCloseTo(exact.tv, 15);
    expect(tokenSum).toBe(exact.klNewOld);
  });

  it("is the sum over the tokens of longer messages, and satisfies Pinsker's inequality", () => {
    fc.assert(
      fc.property(tree, tree, (next, old) => {
        const message = messageDivergence(next, old);
        expect(message.tokenSum).toBeCloseTo(message.klNewOld, 12);
        expect(message.tv).toBeLessThanOrEqual(pinsker(message.klNewOld) + 1e-7);
        expect(message.tv).toBeLessThanOrEqual(pinsker(message.klOldNew) + 1e-7);
      }),
    );
  });

  it('handles messages that end early after one token', () => {
    const uneven = (z: number): MessageTree => ({
      logits: [z, 0],
      next: [{ logits: [0] }, { logits: [0, z] }],
    });
    const message = messageDivergence(uneven(1), uneven(-1));
    expect(message.tokenSum).toBeCloseTo(message.klNewOld, 14);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => messageDivergence({ logits: [0, 0] }, { logits: [0, 0], next: [] })).not.toThrow();
    expect(() => messageDivergence({ logits: [0] }, { logits: [0, 0] })).toThrow(
      'messageDivergence: expected 1 tokens, got 2',
    );
    expect(() => messageDivergence({ logits: [0] }, { logits: [0], next: [{ logits: [0] }] })).toThrow(
      'expected 0 subtrees, got 1',
    );
  });
});
