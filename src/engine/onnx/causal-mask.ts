/**
 * Additive causal masks by length. They are made often and quickly, so only some are kept: with every
 * length that ever occurred a long run would fill the memory with them.
 * @module
 */
import { MASKED } from './ops.ts';
import type { Runtime, Tensor } from './runtime.ts';

/** Numbers kept altogether: 16 MiB. */
const KEPT = 2 ** 22;

export class CausalMasks {
  readonly #runtime: Runtime;
  readonly #copies: number;
  readonly #limit: number;
  /** By length, the least recently used first. */
  readonly #masks = new Map<number, Tensor>();
  #size = 0;

  /**
   * @param copies - of a mask under one another: one per query head of a key head
   * @param limit - numbers kept
   */
  constructor(runtime: Runtime, copies: number, limit: number = KEPT) {
    this.#runtime = runtime;
    this.#copies = copies;
    this.#limit = limit;
  }

  /** Numbers held. */
  get size(): number {
    return this.#size;
  }

  /** [copies T, T]: 0 at and before the row's position, {@link MASKED} after it. */
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
    for (let row = 0; row < this.#copies * length; row++)
      values.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
    return this.#runtime.floats(values, [this.#copies * length, length]);
  }

  #sizeOf(length: number): number {
    return this.#copies * length * length;
  }
}
