import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sequence } from '../../engine.ts';
import { type Batch, inputLength, packBatches } from './batch.ts';

const sequence = (context: readonly number[], tokens: readonly number[]): Sequence => ({
  context: Int32Array.from(context),
  tokens: Int32Array.from(tokens),
});

const ids = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 6 });
const anySequences = fc.array(
  fc.tuple(ids, ids).map(([context, tokens]) => sequence([7, ...context], tokens)),
  { maxLength: 12 },
);

/** Returns the tokens from the beginning of a sequence to a state, along the tree of its row. */
function pathTo({ tokens, tree, length }: Batch, flat: number): number[] {
  const base = flat - (flat % length);
  const path: number[] = [];
  for (let t = flat - base; t >= 0; t = tree ? tree.previous[base + t]! : t - 1)
    path.unshift(Number(tokens[base + t]));
  return path;
}

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

  it('packs a hand-computed prefix tree', () => {
    const packed = packBatches([sequence([1, 2, 3], [4, 5]), sequence([9], [8]), sequence([1, 2, 3], [6])], {
      tokenBudget: 100,
      share: { maxLength: 100, pairCost: 0 },
    });
    expect(packed).toEqual([
      {
        sequenceIndices: [2, 0, 1],
        rows: 2,
        length: 5,
        // each message has a copy of the last context token, whose state predicts its first token
        tokens: BigInt64Array.of(1n, 2n, 3n, 3n, 4n, 9n, 0n, 0n, 0n, 0n),
        tree: { rows: 2, length: 5, previous: Int32Array.of(-1, 0, 1, 1, 3, -1, -1, -1, -1, -1) },
        indices: BigInt64Array.of(2n, 3n, 4n, 5n),
        targets: BigInt64Array.of(6n, 4n, 5n, 8n),
        inverse: BigInt64Array.of(4n, 4n, 0n, 1n, 2n, 3n, 4n, 4n, 4n, 4n),
        offsets: [0, 1, 3, 4],
      },
    ]);
  });

  it('with shared rows: every target has a state of its own, after its own tokens', () => {
    const groups = fc
      .array(fc.tuple(fc.nat(3), ids), { maxLength: 12 })
      .map((drawn) => drawn.map(([length, tokens]) => sequence([7, 7, 8, 9].slice(0, length + 1), tokens)));
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 40 }), (sequences, tokenBudget) => {
        const seen = sequences.map(() => [] as number[]);
        for (const batch of packBatches(sequences, { tokenBudget, share: { maxLength: 30, pairCost: 0 } })) {
          if (batch.rows > 1) expect(batch.rows * batch.length).toBeLessThanOrEqual(tokenBudget);
          expect(new Set(batch.indices).size).toBe(batch.indices.length);
          batch.indices.forEach((index, m) => {
            expect(batch.inverse[Number(index)]).toBe(BigInt(m));
          });
          batch.sequenceIndices.forEach((index, s) => {
            const whole = [...sequences[index]!.context, ...sequences[index]!.tokens];
            for (let m = batch.offsets[s]!; m < batch.offsets[s + 1]!; m++) {
              const path = pathTo(batch, Number(batch.indices[m]));
              expect(path).toEqual(whole.slice(0, path.length));
              expect(Number(batch.targets[m])).toBe(whole[path.length]);
              seen[index]!.push(Number(batch.targets[m]));
            }
          });
        }
        expect(seen).toEqual(sequences.map(({ tokens }) => [...tokens]));
      }),
    );
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
