/**
 * Packs token sequences into rows that are prefix trees: tokens that several sequences have in common from
 * their beginning on occupy one position of the row. A position attends to its ancestors in the tree only
 * (tree attention), so every state is that of its own sequence, and the states of a common prefix are computed once,
 * forward and backward.
 * @see ../decoder/tree-mask.ts for the attention mask of a row
 * @module
 */

import type { TreeLayout } from '../decoder/tree-mask.ts';

/** A token sequence to pack. */
export interface RowSequence {
  readonly tokens: Int32Array;
  /** Number of leading tokens whose states this sequence may share with others. */
  readonly shareable: number;
}

/** A row of a padded batch. */
export interface PrefixRow {
  /** Indices of the sequences of this row in the caller's list. */
  readonly sequences: readonly number[];
  /** Row positions of the tokens of each sequence. */
  readonly positions: readonly Int32Array[];
  /** Token at each row position. */
  readonly tokens: readonly number[];
  /** Row position of the preceding token of the same sequence, for each row position; -1 for first tokens. */
  readonly previous: readonly number[];
}

export interface PrefixRowOptions {
  /** Maximum length of a row that has more than one sequence, tokens. */
  readonly maxLength: number;
  /**
   * Cost of the attention between two positions, relative to the cost of all other computations for one token.
   * A sequence joins a row if this is cheaper than a row of its own, because attention is computed between all
   * positions of a row.
   */
  readonly pairCost: number;
}

/**
 * Packs sequences into rows. The result depends on the tokens alone, not on the order of the sequences, except
 * that equal sequences keep their order.
 *
 * @param sequences - sequences with at least one token each
 */
export function packPrefixRows(sequences: readonly RowSequence[], options: PrefixRowOptions): PrefixRow[] {
  const order = sequences.map((_, index) => index);
  order.sort((a, b) => compareTokens(sequences[a].tokens, sequences[b].tokens) || a - b);
  const rows: RowBuilder[] = [];
  for (const index of order) {
    const row = rows.at(-1);
    // in lexicographic order, no earlier sequence has more leading tokens in common than the preceding one
    if (!row?.addIfCheaper(index, sequences[index], options))
      rows.push(new RowBuilder(index, sequences[index]));
  }
  return rows;
}

/** Returns a row of one sequence. */
export function singleRow(index: number, sequence: RowSequence): PrefixRow {
  return new RowBuilder(index, sequence);
}

/**
 * Returns the layout of rows that are padded to one length, or undefined if every row is a single sequence. Padding
 * attends to itself only.
 */
export function treeLayout(rows: readonly PrefixRow[], length: number): TreeLayout | undefined {
  if (rows.every((row) => row.sequences.length === 1)) return undefined;
  const previous = new Int32Array(rows.length * length).fill(-1);
  rows.forEach((row, b) => {
    previous.set(row.previous, b * length);
  });
  return { rows: rows.length, length, previous };
}

/** Returns the tokens of rows that are padded to one length with 0 [B, T]. */
export function paddedTokens(rows: readonly PrefixRow[], length: number): BigInt64Array {
  const tokens = new BigInt64Array(rows.length * length);
  rows.forEach((row, b) => {
    row.tokens.forEach((token, t) => {
      tokens[b * length + t] = BigInt(token);
    });
  });
  return tokens;
}

/**
 * Divides rows, the longest first, into batches of at most `tokenBudget` tokens, including padding; a longer row gets
 * its own batch. The first row of a batch is its longest.
 */
export function rowBatches(rows: readonly PrefixRow[], tokenBudget: number): PrefixRow[][] {
  const sorted = [...rows].sort(
    (a, b) => b.tokens.length - a.tokens.length || a.sequences[0] - b.sequences[0],
  );
  const batches: PrefixRow[][] = [];
  for (let start = 0; start < sorted.length; ) {
    const count = Math.max(1, Math.floor(tokenBudget / sorted[start].tokens.length));
    batches.push(sorted.slice(start, start + count));
    start += count;
  }
  return batches;
}

class RowBuilder implements PrefixRow {
  readonly sequences: number[] = [];
  readonly positions: Int32Array[] = [];
  readonly tokens: number[] = [];
  readonly previous: number[] = [];
  #last: RowSequence;

  constructor(index: number, sequence: RowSequence) {
    this.#last = sequence;
    this.#add(index, sequence, 0);
  }

  addIfCheaper(index: number, sequence: RowSequence, { maxLength, pairCost }: PrefixRowOptions): boolean {
    const shared = commonPrefix(this.#last, sequence);
    const added = sequence.tokens.length - shared;
    const [before, after] = [this.tokens.length, this.tokens.length + added];
    const attentionPairs = after ** 2 - before ** 2 - sequence.tokens.length ** 2;
    if (shared === 0 || after > maxLength || pairCost * attentionPairs > shared) return false;
    this.#add(index, sequence, shared);
    return true;
  }

  #add(index: number, sequence: RowSequence, shared: number): void {
    const at = new Int32Array(sequence.tokens.length);
    at.set((this.positions.at(-1) ?? at).subarray(0, shared));
    for (let t = shared; t < at.length; t++) {
      at[t] = this.tokens.length;
      this.tokens.push(sequence.tokens[t]);
      this.previous.push(t === 0 ? -1 : at[t - 1]);
    }
    this.sequences.push(index);
    this.positions.push(at);
    this.#last = sequence;
  }
}

/** Returns the number of leading tokens that both sequences have in common and may share. */
function commonPrefix(a: RowSequence, b: RowSequence): number {
  const limit = Math.min(a.shareable, b.shareable);
  let length = 0;
  while (length < limit && a.tokens[length] === b.tokens[length]) length++;
  return length;
}

function compareTokens(a: Int32Array, b: Int32Array): number {
  const limit = Math.min(a.length, b.length);
  for (let t = 0; t < limit; t++) if (a[t] !== b[t]) return a[t] - b[t];
  return a.length - b.length;
}
