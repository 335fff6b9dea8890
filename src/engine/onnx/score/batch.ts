/**
 * Packs sequences into padded batches under a token budget. Sequences are sorted by length to minimize padding. The
 * packing depends on the lengths alone, so it is deterministic.
 * @module
 */
import type { Sequence } from '../../engine.ts';

/** One padded batch [B, T] with the M positions that predict message tokens. */
export interface Batch {
  /** Indices of the sequences in the caller's list [B]. */
  readonly sequenceIndices: readonly number[];
  readonly rows: number;
  /** Padded length T. */
  readonly length: number;
  /** Input tokens [B, T], padded with 0 on the right. */
  readonly tokens: BigInt64Array;
  /** Index, among the B T states, of the state that predicts each target, grouped by sequence [M]. */
  readonly indices: BigInt64Array;
  /** Message tokens [M]. */
  readonly targets: BigInt64Array;
  /** Position in `indices` of each of the B T states, or M if the state predicts no target [B T]. */
  readonly inverse: BigInt64Array;
  /** Offset of each sequence's first target among the M targets, followed by M [B + 1]. */
  readonly offsets: readonly number[];
}

/** Returns the number of input tokens of a sequence. Its last token is only a target, not an input. */
export function inputLength(sequence: Sequence): number {
  return sequence.context.length + sequence.tokens.length - 1;
}

/**
 * Packs sequences into batches of at most `tokenBudget` padded tokens; a sequence that exceeds the budget
 * gets its own batch.
 *
 * @param sequences - contexts must not be empty; sequences without message tokens are skipped
 */
export function packBatches(sequences: readonly Sequence[], tokenBudget: number): Batch[] {
  const order = sequences
    .map((_, index) => index)
    .filter((index) => sequences[index].tokens.length > 0)
    .sort((a, b) => inputLength(sequences[b]) - inputLength(sequences[a]) || a - b);
  const batches: Batch[] = [];
  let start = 0;
  while (start < order.length) {
    // sequences are sorted by length, so the first one is the longest of the batch
    const length = inputLength(sequences[order[start]]);
    const rows = Math.max(1, Math.min(order.length - start, Math.floor(tokenBudget / length)));
    batches.push(packBatch(sequences, order.slice(start, start + rows), length));
    start += rows;
  }
  return batches;
}

function packBatch(
  sequences: readonly Sequence[],
  sequenceIndices: readonly number[],
  length: number,
): Batch {
  const states = sequenceIndices.reduce((sum, index) => sum + sequences[index].tokens.length, 0);
  const tokens = new BigInt64Array(sequenceIndices.length * length);
  const indices = new BigInt64Array(states);
  const targets = new BigInt64Array(states);
  const inverse = new BigInt64Array(sequenceIndices.length * length).fill(BigInt(states));
  const offsets = [0];
  let m = 0;
  sequenceIndices.forEach((index, row) => {
    const { context, tokens: message } = sequences[index];
    const base = row * length;
    for (let t = 0; t < context.length; t++) tokens[base + t] = BigInt(context[t]);
    for (let u = 0; u < message.length; u++) {
      const flat = base + context.length + u - 1;
      if (u + 1 < message.length) tokens[flat + 1] = BigInt(message[u]);
      indices[m] = BigInt(flat);
      targets[m] = BigInt(message[u]);
      inverse[flat] = BigInt(m);
      m++;
    }
    offsets.push(m);
  });
  return {
    sequenceIndices,
    rows: sequenceIndices.length,
    length,
    tokens,
    indices,
    targets,
    inverse,
    offsets,
  };
}
