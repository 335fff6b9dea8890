import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../engine.ts';
import { inputLength, packBatches } from './batch.ts';

const sequence = (context: readonly number[], tokens: readonly number[]): Sequence => ({
  context: Int32Array.from(context),
  tokens: Int32Array.from(tokens),
});

const ids = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 6 });
const anySequences = fc.array(
  fc.tuple(ids, ids).map(([context, tokens]) => sequence([7, ...context], tokens)),
  { maxLength: 12 },
);

describe('packBatches', () => {
  it('packs a hand-computed batch', () => {
    const [batch, ...others] = packBatches([sequence([1, 2], [3]), sequence([4], [5, 6, 7])], {
      tokenBudget: 100,
    });
    expect(others).toEqual([]);
    expect(batch).toEqual({
      sequenceIndices: [1, 0], // longest first
      rows: 2,
      length: 3, // the last token is a target only
      tokens: BigInt64Array.of(4n, 5n, 6n, 1n, 2n, 0n),
      indices: BigInt64Array.of(0n, 1n, 2n, 4n),
      targets: BigInt64Array.of(5n, 6n, 7n, 3n),
      inverse: BigInt64Array.of(0n, 1n, 2n, 4n, 3n, 4n),
      offsets: [0, 3, 4],
    });
  });

  it('contains every message token once, at the index of the state that predicts it', () => {
    fc.assert(
      fc.property(anySequences, fc.integer({ min: 1, max: 40 }), (sequences, budget) => {
        const seen = sequences.map(() => [] as number[]);
        for (const { sequenceIndices, length, tokens, indices, targets, offsets } of packBatches(sequences, {
          tokenBudget: budget,
        }))
          sequenceIndices.forEach((index, row) => {
            const whole = [...sequences[index]!.context, ...sequences[index]!.tokens];
            for (let m = offsets[row]!; m < offsets[row + 1]!; m++) {
              const position = Number(indices[m]) - row * length;
              const before = [...tokens.subarray(row * length, row * length + position + 1)].map(Number);
              expect(before).toEqual(whole.slice(0, position + 1));
              expect(Number(targets[m])).toBe(whole[position + 1]);
              seen[index]!.push(Number(targets[m]));
            }
          });
        expect(seen).toEqual(sequences.map(({ tokens }) => [...tokens]));
      }),
    );
  });

  it('respects the budget, except for a single sequence that exceeds it', () => {
    fc.assert(
      fc.property(anySequences, fc.integer({ min: 1, max: 40 }), (sequences, budget) => {
        for (const { rows, length, sequenceIndices } of packBatches(sequences, { tokenBudget: budget })) {
          expect(sequenceIndices.length).toBe(rows);
          expect(length).toBe(Math.max(...sequenceIndices.map((index) => inputLength(sequences[index]!))));
          if (rows > 1) expect(rows * length).toBeLessThanOrEqual(budget);
        }
      }),
    );
  });

  it('has an inverse: each index maps to its row, all others to none', () => {
    fc.assert(
      fc.property(anySequences, (sequences) => {
        for (const { indices, inverse } of packBatches(sequences, { tokenBudget: 30 })) {
          indices.forEach((index, m) => {
            expect(inverse[Number(index)]).toBe(BigInt(m));
          });
          const without = [...inverse].filter((row) => row === BigInt(indices.length));
          expect(without.length).toBe(inverse.length - indices.length);
        }
      }),
    );
  });

  it('depends only on lengths; equal lengths keep their order', () => {
    const same = Array.from({ length: 5 }, (_, i) => sequence([i + 1], [i + 2]));
    expect(packBatches(same, { tokenBudget: 2 }).map(({ sequenceIndices }) => sequenceIndices)).toEqual([
      [0, 1],
      [2, 3],
      [4],
    ]);
  });

  it('skips messages without tokens, and returns no batches without messages', () => {
    expect(packBatches([], { tokenBudget: 10 })).toEqual([]);
    expect(packBatches([sequence([1, 2, 3], [])], { tokenBudget: 10 })).toEqual([]);
    expect(
      packBatches([sequence([1], []), sequence([1], [2])], { tokenBudget: 10 }).map(
        ({ sequenceIndices }) => sequenceIndices,
      ),
    ).toEqual([[1]]);
  });
});
