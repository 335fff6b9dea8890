import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packPrefixRows, type RowSequence } from './prefix-rows.ts';

const sequence = (tokens: readonly number[], shareable = tokens.length - 1): RowSequence => ({
  tokens: Int32Array.from(tokens),
  shareable,
});

const anySequences = fc.array(
  fc
    .array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 7 })
    .chain((tokens) => fc.nat(tokens.length - 1).map((shareable) => sequence(tokens, shareable))),
  { maxLength: 12 },
);
const anyOptions = fc.record({
  maxLength: fc.integer({ min: 1, max: 30 }),
  pairCost: fc.constantFrom(0, 0.01, 1),
});

describe('packPrefixRows', () => {
  it('packs hand-computed trees', () => {
    const rows = packPrefixRows([sequence([1, 2, 3, 4]), sequence([9, 8]), sequence([1, 2, 3, 5, 6])], {
      maxLength: 100,
      pairCost: 0,
    });
    expect(rows.map(({ sequences }) => sequences)).toEqual([[0, 2], [1]]);
    expect(rows[0]).toMatchObject({
      tokens: [1, 2, 3, 4, 5, 6],
      previous: [-1, 0, 1, 2, 2, 4],
      positions: [Int32Array.of(0, 1, 2, 3), Int32Array.of(0, 1, 2, 4, 5)],
    });
  });

  it('reads every sequence back along its own path, which shares no tokens but the permitted ones', () => {
    fc.assert(
      fc.property(anySequences, anyOptions, (sequences, options) => {
        const seen = new Set<number>();
        for (const row of packPrefixRows(sequences, options)) {
          const users = row.tokens.map(() => [] as number[]);
          row.sequences.forEach((index, i) => {
            seen.add(index);
            const at = row.positions[i] as Int32Array;
            expect([...at].map((position) => row.tokens[position])).toEqual([...sequences[index]!.tokens]);
            at.forEach((position, t) => {
              expect(row.previous[position]).toBe(t === 0 ? -1 : at[t - 1]);
              users[position]!.push(index);
              if (t >= sequences[index]!.shareable)
                expect(row.positions.filter((p) => p.includes(position))).toEqual([at]);
            });
          });
          expect(users.every(({ length }) => length > 0)).toBe(true);
        }
        expect([...seen].sort((a, b) => a - b)).toEqual(sequences.map((_, i) => i));
      }),
    );
  });

  it('keeps rows of several sequences within the maximum length', () => {
    fc.assert(
      fc.property(anySequences, anyOptions, (sequences, options) => {
        for (const { sequences: packed, tokens } of packPrefixRows(sequences, options))
          if (packed.length > 1) expect(tokens.length).toBeLessThanOrEqual(options.maxLength);
      }),
    );
  });

  it('does not share a short prefix when attention is expensive', () => {
    const [a, b] = [sequence([1, 2, 3, 4, 5, 6]), sequence([1, 7, 8, 9, 10, 11])];
    expect(packPrefixRows([a!, b!], { maxLength: 100, pairCost: 0 })).toHaveLength(1);
    expect(packPrefixRows([a!, b!], { maxLength: 100, pairCost: 1 })).toHaveLength(2);
    // a prefix that is nearly the whole sequence saves attention as well
    const [c, d] = [sequence([1, 2, 3, 4, 5, 6]), sequence([1, 2, 3, 4, 5, 7])];
    expect(packPrefixRows([c!, d!], { maxLength: 100, pairCost: 1 })).toHaveLength(1);
  });

  it('does not depend on the order of different sequences', () => {
    fc.assert(
      fc.property(anySequences, anyOptions, (sequences, options) => {
        const unique = [...new Map(sequences.map((s) => [s.tokens.join(), s])).values()];
        const texts = (list: readonly RowSequence[]) =>
          packPrefixRows(list, options).map(({ sequences: packed }) =>
            packed.map((i) => list[i]!.tokens.join()),
          );
        expect(texts([...unique].reverse())).toEqual(texts(unique));
      }),
    );
  });
});
