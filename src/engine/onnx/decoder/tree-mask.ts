/**
 * Attention masks and RoPE positions of rows that are prefix trees.
 * @see ../score/prefix-rows.ts
 * @see Miao et al., "SpecInfer", arXiv:2305.09781, for tree attention
 * @module
 */
import { MASKED } from '../graph/ops.ts';

/** Padded rows of a batch, as far as attention depends on them. */
export interface TreeLayout {
  readonly rows: number;
  /** Padded length T of the rows. */
  readonly length: number;
  /** Position, within its row, of the preceding token of the same sequence; -1 for first tokens [B T]. */
  readonly previous: Int32Array;
}

/** Returns the position of each token within its own sequence [B T]. */
export function treeDepths({ length, previous }: TreeLayout): Int32Array {
  const depths = new Int32Array(previous.length);
  for (let i = 0; i < previous.length; i++)
    if (previous[i] >= 0) depths[i] = depths[i - (i % length) + previous[i]] + 1;
  return depths;
}

/**
 * Returns the additive mask [B, 1, copies T, T]: 0 for a position itself and for its ancestors within the
 * window, {@link MASKED} elsewhere.
 *
 * @param options.copies - number of copies of the mask along the rows: one per query head of a key head
 * @param options.window - size of the sliding window including the position itself; default: full attention
 */
export function treeMask(
  { rows, length, previous }: TreeLayout,
  options: { readonly copies: number; readonly window?: number | undefined },
): Float32Array {
  const { copies, window = Number.POSITIVE_INFINITY } = options;
  const size = length * length;
  const mask = new Float32Array(rows * copies * size).fill(MASKED);
  for (let row = 0; row < rows; row++) {
    const first = row * copies * size;
    for (let t = 0; t < length; t++) {
      let seen = 0;
      for (let s = t; s >= 0 && seen < window; s = previous[row * length + s], seen++)
        mask[first + t * length + s] = 0;
    }
    for (let copy = 1; copy < copies; copy++) mask.copyWithin(first + copy * size, first, first + size);
  }
  return mask;
}
