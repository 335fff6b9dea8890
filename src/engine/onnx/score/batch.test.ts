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
  it('lays a batch out as worked by hand', () => {
    const [batch, ...others] = packBatches([sequence([1, 2], [3]), sequence([4], [5, 6, 7])], 100);
    expect(others).toEqual([]);
    expect(batch).toEqual({
      sequenceIndices: [1, 0], // longest first
      rows: 2,
      length: 3, // the last token is only predicted
      tokens: BigInt64Array.of(4n, 5n, 6n, 1n, 2n, 0n),
      indices: BigInt64Array.of(0n, 1n, 2n, 4n),
      targets: BigInt64Array.of(5n, 6n, 7n, 3n),
      inverse: BigInt64Array.of(0n, 1n, 2n, 4n, 3n, 4n),
      offsets: [0, 3, 4],
    });
  });

  it('holds every message token once, at the place whose state predicts it', () => {
    fc.assert(
      fc.property(anySequences, fc.integer({ min: 1, max: 40 }), (sequences, budget) => {
        const seen = sequences.map(() => [] as number[]);
        for (const { sequenceIndices, length, tokens, indices, targets, offsets } of packBatches(
          sequences,
          budget,
        ))
          sequenceIndices.forEach((index, row) => {
            const whole = [...sequences[index]!.context, ...sequences[index]!.tokens];
            for (let m = offsets[row]!; m < offsets[row + 1]!; m++) {
              const place = Number(indices[m]) - row * length;
              const before = [...tokens.subarray(row * length, row * length + place + 1)].map(Number);
              expect(before).toEqual(whole.slice(0, place + 1));
              expect(Number(targets[m])).toBe(whole[place + 1]);
              seen[index]!.push(Number(targets[m]));
            }
          });
        expect(seen).toEqual(sequences.map(({ tokens }) => [...tokens]));
      }),
    );
  });

  it('keeps to the budget, except for one sequence that is longer alone', () => {
    fc.assert(
      fc.property(anySequences, fc.integer({ min: 1, max: 40 }), (sequences, budget) => {
        for (const { rows, length, sequenceIndices } of packBatches(sequences, budget)) {
          expect(sequenceIndices.length).toBe(rows);
          expect(length).toBe(Math.max(...sequenceIndices.map((index) => inputLength(sequences[index]!))));
          if (rows > 1) expect(rows * length).toBeLessThanOrEqual(budget);
        }
      }),
    );
  });

  it('inverts its places: each names its row, all others none', () => {
    fc.assert(
      fc.property(anySequences, (sequences) => {
        for (const { indices, inverse } of packBatches(sequences, 30)) {
          indices.forEach((place, m) => {
            expect(inverse[Number(place)]).toBe(BigInt(m));
          });
          const without = [...inverse].filter((row) => row === BigInt(indices.length));
          expect(without.length).toBe(inverse.length - indices.length);
        }
      }),
    );
  });

  it('depends on lengths alone, equal ones in the order they came', () => {
    const same = Array.from({ length: 5 }, (_, i) => sequence([i + 1], [i + 2]));
    expect(packBatches(same, 2).map(({ sequenceIndices }) => sequenceIndices)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('leaves out messages without tokens, and makes nothing of nothing', () => {
    expect(packBatches([], 10)).toEqual([]);
    expect(packBatches([sequence([1, 2, 3], [])], 10)).toEqual([]);
    expect(
      packBatches([sequence([1], []), sequence([1], [2])], 10).map(({ sequenceIndices }) => sequenceIndices),
    ).toEqual([[1]]);
  });
});
