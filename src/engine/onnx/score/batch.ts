/**
 * Packs sequences into padded batches under a token budget. Rows are sorted by length to minimize padding. The
 * packing depends on the sequences alone, so it is deterministic.
 * @module
 */
import type { Sequence } from '../../engine.ts';
import type { TreeLayout } from '../decoder/tree-mask.ts';
import {
  type PrefixRow,
  type PrefixRowOptions,
  packPrefixRows,
  paddedTokens,
  rowBatches,
  singleRow,
  treeLayout,
} from './prefix-rows.ts';

/** One padded batch [B, T] with the M positions that predict message tokens. */
export interface Batch {
  /** Indices of the sequences in the caller's list, in the order of `offsets`. */
  readonly sequenceIndices: readonly number[];
  readonly rows: number;
  /** Padded length T. */
  readonly length: number;
  /** Input tokens [B, T], padded with 0 on the right. */
  readonly tokens: BigInt64Array;
  /** The prefix trees of the rows. Absent if every row is a single sequence. */
  readonly tree?: TreeLayout;
  /** Index, among the B T states, of the state that predicts each target, grouped by sequence [M]. */
  readonly indices: BigInt64Array;
  /** Message tokens [M]. */
  readonly targets: BigInt64Array;
  /** Position in `indices` of each of the B T states, or M if the state predicts no target [B T]. */
  readonly inverse: BigInt64Array;
  /** Offset of each sequence's first target among the M targets, followed by M. */
  readonly offsets: readonly number[];
}

export interface PackOptions {
  /** Maximum number of tokens of a batch, including padding; a longer sequence gets its own batch. */
  readonly tokenBudget: number;
  /**
   * With this option, sequences whose contexts begin with the same tokens can share a row. Absent: every row is a
   * single sequence.
   */
  readonly share?: PrefixRowOptions | undefined;
}

/** Returns the number of input tokens of a sequence. Its last token is only a target, not an input. */
export function inputLength(sequence: Sequence): number {
  return sequence.context.length + sequence.tokens.length - 1;
}

/** Packs sequences into batches. Contexts must not be empty; sequences without message tokens are skipped. */
export function packBatches(sequences: readonly Sequence[], { tokenBudget, share }: PackOptions): Batch[] {
  const scored = sequences.map((_, index) => index).filter((index) => sequences[index].tokens.length > 0);
  const inputs = scored.map((index) => {
    const { context } = sequences[index];
    // the state of the last context token predicts a target, and each target needs a state of its own
    return { tokens: inputTokens(sequences[index]), shareable: context.length - 1 };
  });
  const rows =
    share === undefined
      ? inputs.map((input, i) => singleRow(i, input))
      : packPrefixRows(inputs, { ...share, maxLength: Math.min(share.maxLength, tokenBudget) });
  return rowBatches(rows, tokenBudget).map((batch) =>
    packBatch(sequences, relabelled(batch, scored), batch[0].tokens.length),
  );
}

function inputTokens({ context, tokens }: Sequence): Int32Array {
  const input = new Int32Array(context.length + tokens.length - 1);
  input.set(context);
  input.set(tokens.subarray(0, -1), context.length);
  return input;
}

/** Replaces the sequence indices of rows by the entries of a list. */
function relabelled(rows: readonly PrefixRow[], indices: readonly number[]): PrefixRow[] {
  return rows.map((row) => ({ ...row, sequences: row.sequences.map((i) => indices[i]) }));
}

function packBatch(sequences: readonly Sequence[], rows: readonly PrefixRow[], length: number): Batch {
  const sequenceIndices = rows.flatMap((row) => row.sequences);
  const states = sequenceIndices.reduce((sum, index) => sum + sequences[index].tokens.length, 0);
  const indices = new BigInt64Array(states);
  const targets = new BigInt64Array(states);
  const inverse = new BigInt64Array(rows.length * length).fill(BigInt(states));
  const offsets = [0];
  let m = 0;
  rows.forEach((row, b) => {
    const base = b * length;
    row.sequences.forEach((index, i) => {
      const { context, tokens: message } = sequences[index];
      for (let u = 0; u < message.length; u++) {
        const flat = base + row.positions[i][context.length + u - 1];
        indices[m] = BigInt(flat);
        targets[m] = BigInt(message[u]);
        inverse[flat] = BigInt(m);
        m++;
      }
      offsets.push(m);
    });
  });
  const tree = treeLayout(rows, length);
  return {
    sequenceIndices,
    rows: rows.length,
    length,
    tokens: paddedTokens(rows, length),
    ...(tree ? { tree } : {}),
    indices,
    targets,
    inverse,
    offsets,
  };
}
