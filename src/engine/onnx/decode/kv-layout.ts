/**
 * Layout of a key/value cache. A full-attention layer stores every token at its position. A sliding-window layer is a
 * ring buffer of the window's size: the newest token overwrites the oldest. Attention does not depend on the order of
 * keys, so decoding needs no mask.
 * @module
 */
import { type DecoderConfig, layerKind } from '../decoder/config.ts';

/** Keys, values and logits of a prefilled batch of contexts, and the row of one context. */
export interface PrefilledStates {
  /** Keys (`k`) and values (`v`) of each layer [B, kvHeads, T, d]. */
  readonly k: readonly Float32Array[];
  readonly v: readonly Float32Array[];
  /** Logits after the last token of each context [B, V]. */
  readonly logits: Float32Array;
  /** Row of the context in the batch, 0 to B - 1. */
  readonly row: number;
  /** Padded length T. */
  readonly length: number;
}

/** Buffers of one layer [rows, kvHeads, capacity, d]. */
export interface LayerBuffers {
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly capacity: number;
}

type CacheShape = Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim' | 'layerKinds' | 'slidingWindow'>;

export class KvLayout {
  readonly #shape: CacheShape;
  /** Window size of each layer, tokens [layers]; Infinity for full attention. */
  readonly #windows: readonly number[];

  constructor(shape: CacheShape) {
    this.#shape = shape;
    this.#windows = Array.from({ length: shape.layers }, (_, l) =>
      layerKind(shape, l).sliding ? (shape.slidingWindow ?? Infinity) : Infinity,
    );
  }

  /** Returns the capacity of a layer, tokens, if full-attention layers have capacity `tokens`. */
  capacity(layer: number, tokens: number): number {
    return Math.min(tokens, this.#windows[layer]);
  }

  /**
   * Returns the number of cached tokens that a layer attends to when the newest tokens are at the given
   * positions [rows].
   */
  kvLengths(layer: number, positions: Int32Array): Int32Array {
    const window = this.#windows[layer];
    return positions.map((position) => Math.min(position + 1, window));
  }

  /** Copies a context's keys and values into a row. */
  load(
    buffers: LayerBuffers,
    at: { readonly layer: number; readonly row: number; readonly length: number },
    states: PrefilledStates,
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const { layer, row, length } = at;
    const window = this.#windows[layer];
    const first = Math.max(0, length - window);
    // the ring buffer wraps at multiples of the window, so the visible tokens are at most two contiguous ranges
    const wrap = first === 0 ? length : Math.min(length, Math.ceil(first / window) * window);
    for (let h = 0; h < kvHeads; h++) {
      const from = (states.row * kvHeads + h) * states.length;
      const to = (row * kvHeads + h) * buffers.capacity;
      const copy = (start: number, end: number, offset: number): void => {
        const range = [(from + start) * headDim, (from + end) * headDim] as const;
        buffers.k.set(states.k[layer].subarray(...range), (to + offset) * headDim);
        buffers.v.set(states.v[layer].subarray(...range), (to + offset) * headDim);
      };
      copy(first, wrap, first === 0 ? 0 : first % window);
      copy(wrap, length, 0);
    }
  }

  /** Writes the keys and values of one token per row [rows, kvHeads d] at the given positions [rows]. */
  append(
    buffers: LayerBuffers,
    at: { readonly layer: number; readonly positions: Int32Array },
    { k, v }: { readonly k: Float32Array; readonly v: Float32Array },
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const window = this.#windows[at.layer];
    at.positions.forEach((position, row) => {
      const offset = position < window ? position : position % window;
      for (let h = 0; h < kvHeads; h++) {
        const from = (row * kvHeads + h) * headDim;
        const to = ((row * kvHeads + h) * buffers.capacity + offset) * headDim;
        for (let i = 0; i < headDim; i++) {
          buffers.k[to + i] = k[from + i];
          buffers.v[to + i] = v[from + i];
        }
      }
    });
  }
}
