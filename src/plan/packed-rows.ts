/**
 * Predicts how an engine packs sequences with common prefixes into rows, from the mean lengths of contexts and
 * messages. Prefixes that several sequences of a row have in common are computed once.
 * @see ../engine/onnx/score/prefix-rows.ts, whose rule this file applies
 * @module
 */

/** Sequences of equal sizes. */
export interface SequenceSizes {
  readonly sequences: number;
  /** Number of distinct contexts among the sequences. */
  readonly contexts: number;
  /** Tokens of a context. */
  readonly contextTokens: number;
  /** Leading tokens that a context has in common with another one. */
  readonly commonTokens: number;
  /** Tokens of a message; its last one is no input of the model. 1 for contexts alone. */
  readonly messageTokens: number;
}

export interface PackingRule {
  /** Maximum number of tokens of a row with several sequences. */
  readonly budget: number;
  /**
   * Cost of attention between two positions relative to the other computations for a token. Absent: the engine
   * computes each sequence separately.
   */
  readonly pairCost?: number | undefined;
}

/** @returns the number of rows, and the mean tokens of a row */
export function packedRows(
  sizes: SequenceSizes,
  { budget, pairCost }: PackingRule,
): { readonly rows: number; readonly length: number } {
  const { sequences, contexts, contextTokens, commonTokens, messageTokens } = sizes;
  const length = contextTokens + messageTokens - 1;
  if (pairCost === undefined || sequences <= 0) return { rows: Math.max(0, sequences), length };
  const whole = Math.ceil(sequences);
  const perContext = sequences / contexts;
  let [rows, tokens, row] = [0, 0, 0];
  for (let i = 0; i < whole; i++) {
    // the last token of a context is computed for every message, because it predicts the message's first token
    const isNewContext = Math.floor(i / perContext) > Math.floor((i - 1) / perContext);
    const shared = isNewContext ? commonTokens : contextTokens - 1;
    const after = row + length - shared;
    const pairs = after ** 2 - row ** 2 - length ** 2;
    if (row > 0 && shared > 0 && after <= budget && pairCost * pairs <= shared) {
      tokens += length - shared;
      row = after;
    } else {
      rows++;
      tokens += length;
      row = length;
    }
  }
  return { rows: (rows * sequences) / whole, length: tokens / rows };
}
