/**
 * Additive causal masks by sequence length, for full or sliding-window attention, in an LRU cache of limited size:
 * without a limit, the masks of all lengths in a long run would fill the memory.
 * @module
 */
import { MASKED } from '../graph/ops.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';

/** Default maximum number of cached mask elements: 16 MiB in float32. */
const MAX_ELEMENTS = 2 ** 22;

export class CausalMasks {
  readonly #runtime: Runtime;
  readonly #copies: number;
  readonly #window: number;
  readonly #limit: number;
  /** Masks by sequence length, the least recently used first. */
  readonly #masks = new Map<number, Tensor>();
  #size = 0;

  /**
   * @param options.copies - number of copies of the mask along the rows: one per query head of a key head
   * @param options.window - size of the sliding window including the row's own position; default: full
   *   attention
   * @param options.limit - maximum number of cached elements of all masks together
   */
  constructor(
    runtime: Runtime,
    options: {
      readonly copies: number;
      readonly window?: number | undefined;
      readonly limit?: number;
    },
  ) {
    this.#runtime = runtime;
    this.#copies = options.copies;
    this.#window = options.window ?? Number.POSITIVE_INFINITY;
    this.#limit = options.limit ?? MAX_ELEMENTS;
  }

  /** Number of cached elements of all masks together. */
  get size(): number {
    return this.#size;
  }

  /**
   * Returns the mask of a sequence of the given length, [1, 1, copies T, T]: 0 for positions that a row attends to,
   * {@link MASKED} for later positions and for positions outside the window.
   */
  get(length: number): Tensor {
    const mask = this.#masks.get(length) ?? this.#make(length);
    this.#masks.delete(length);
    this.#masks.set(length, mask);
    return mask;
  }

  #make(length: number): Tensor {
    const size = this.#sizeOf(length);
    for (const oldest of this.#masks.keys()) {
      if (this.#size + size <= this.#limit) break;
      this.#masks.delete(oldest);
      this.#size -= this.#sizeOf(oldest);
    }
    this.#size += size;
    const values = new Float32Array(size);
    for (let row = 0; row < this.#copies * length; row++) {
      const position = row % length;
      values.fill(MASKED, row * length + position + 1, (row + 1) * length);
      const hidden = Math.max(0, position + 1 - this.#window);
      values.fill(MASKED, row * length, row * length + hidden);
    }
    return this.#runtime.float32(values, [1, 1, this.#copies * length, length]);
  }

  #sizeOf(length: number): number {
    return this.#copies * length * length;
  }
}
