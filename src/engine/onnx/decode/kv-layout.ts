/**
 * Where keys and values lie in a cache: a full layer keeps every token at its position; a sliding layer keeps
 * no more than its window, the newest token in the place of the one that has just left it. Attention does
 * not care about order, so it needs no mask.
 * @module
 */
import { type DecoderConfig, layerKind } from '../decoder/config.ts';

/** Keys and values of contexts after prefill, and where one context's row is. */
export interface PrefilledStates {
  /** Per layer [B, kvHeads, T, d]. */
  readonly k: readonly Float32Array[];
  readonly v: readonly Float32Array[];
  /** [B, V] */
  readonly logits: Float32Array;
  readonly row: number;
  /** T */
  readonly length: number;
}

/** A cache's buffers of one layer [rows, kvHeads, capacity, d]. */
export interface LayerBuffers {
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly capacity: number;
}

type CacheShape = Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim' | 'layerKinds' | 'slidingWindow'>;

export class KvLayout {
  readonly #shape: CacheShape;
  /** Most tokens a layer keeps [layers]. */
  readonly #windows: readonly number[];

  constructor(shape: CacheShape) {
    this.#shape = shape;
    this.#windows = Array.from({ length: shape.layers }, (_, l) =>
      layerKind(shape, l).sliding ? (shape.slidingWindow ?? Infinity) : Infinity,
    );
  }

  /** Tokens a layer needs room for where a full layer needs it for `tokens`. */
  capacity(layer: number, tokens: number): number {
    return Math.min(tokens, this.#windows[layer]);
  }

  /** Tokens a layer sees of rows whose newest token is at the given positions [rows]. */
  kvLengths(layer: number, positions: Int32Array): Int32Array {
    const window = this.#windows[layer];
    return positions.map((position) => Math.min(position + 1, window));
  }

  /** Writes a context's keys and values into a row. */
  load(
    buffers: LayerBuffers,
    at: { readonly layer: number; readonly row: number; readonly length: number },
    states: PrefilledStates,
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const { layer, row, length } = at;
    const window = this.#windows[layer];
    const first = Math.max(0, length - window);
    // from a position that the window divides on, tokens lie in the cache as they lie in the context
    const turn = first === 0 ? length : Math.min(length, Math.ceil(first / window) * window);
    for (let h = 0; h < kvHeads; h++) {
      const from = (states.row * kvHeads + h) * states.length;
      const to = (row * kvHeads + h) * buffers.capacity;
      const copy = (start: number, end: number, place: number): void => {
        const range = [(from + start) * headDim, (from + end) * headDim] as const;
        buffers.k.set(states.k[layer].subarray(...range), (to + place) * headDim);
        buffers.v.set(states.v[layer].subarray(...range), (to + place) * headDim);
      };
      copy(first, turn, first === 0 ? 0 : first % window);
      copy(turn, length, 0);
    }
  }

  /** Writes one token's keys and values [rows, kvHeads d] at the given positions [rows]. */
  append(
    buffers: LayerBuffers,
    at: { readonly layer: number; readonly positions: Int32Array },
    { k, v }: { readonly k: Float32Array; readonly v: Float32Array },
  ): void {
    const { kvHeads, headDim } = this.#shape;
    const window = this.#windows[at.layer];
    at.positions.forEach((position, row) => {
      const place = position < window ? position : position % window;
      for (let h = 0; h < kvHeads; h++) {
        const from = (row * kvHeads + h) * headDim;
        const to = ((row * kvHeads + h) * buffers.capacity + place) * headDim;
        for (let i = 0; i < headDim; i++) {
          buffers.k[to + i] = k[from + i];
          buffers.v[to + i] = v[from + i];
        }
      }
    });
  }
}
