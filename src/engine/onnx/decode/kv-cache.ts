/**
 * The key/value cache of the training sampler: one pair of buffers per layer [slots, kvHeads, capacity, d].
 * Decode steps write new keys and values in place, and the step graphs read the buffers in place. Attention
 * reads the whole capacity, so the capacity is no larger than the longest message requires.
 * @see serving-kv-cache.ts for the cache of continuous batching
 * @module
 */
import type { DecoderConfig } from '../decoder/config.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';
import { KvLayout, type LayerBuffers, type PrefilledStates } from './kv-layout.ts';

export type { PrefilledStates } from './kv-layout.ts';

/** The capacity is a multiple of this number of tokens, so that buffers are rarely reallocated. */
const STEP = 16;

export class KvCache {
  readonly #config: DecoderConfig;
  readonly #layout: KvLayout;
  #slots: number;
  /** Number of cached tokens per slot; 0 for free slots. */
  #lengths: Int32Array;
  #capacity: number;
  #k: Float32Array[];
  #v: Float32Array[];
  #tensors: ({ k: Tensor; v: Tensor } | undefined)[];

  constructor(config: DecoderConfig, slots: number, longestContext: number) {
    this.#config = config;
    this.#layout = new KvLayout(config);
    this.#slots = slots;
    this.#lengths = new Int32Array(slots);
    this.#capacity = roundUp(longestContext + 1);
    this.#k = this.#allocate();
    this.#v = this.#allocate();
    this.#tensors = new Array(config.layers).fill(undefined);
  }

  /** Copies a context's keys and values into a slot. */
  load(slot: number, length: number, states: PrefilledStates): void {
    this.#reserve(length + 1);
    for (let layer = 0; layer < this.#config.layers; layer++)
      this.#layout.load(this.#buffers(layer), { layer, row: slot, length }, states);
    this.#lengths[slot] = length;
  }

  /** Reserves room for one more token per slot; returns the position of that token in each slot [slots]. */
  advance(): Int32Array {
    let longest = 0;
    for (const length of this.#lengths) longest = Math.max(longest, length);
    this.#reserve(longest + 1);
    const positions = Int32Array.from(this.#lengths);
    for (let s = 0; s < this.#slots; s++) if (this.#lengths[s] > 0) this.#lengths[s]++;
    return positions;
  }

  /** Writes the keys and values of one token per slot [slots, kvHeads d] to a layer at the given positions. */
  append(layer: number, positions: Int32Array, k: Float32Array, v: Float32Array): void {
    this.#layout.append(this.#buffers(layer), { layer, positions }, { k, v });
  }

  kvLengths(layer: number, positions: Int32Array): Int32Array {
    return this.#layout.kvLengths(layer, positions);
  }

  tensors(layer: number, runtime: Runtime): { readonly k: Tensor; readonly v: Tensor } {
    const known = this.#tensors[layer];
    if (known) return known;
    const dims = [this.#slots, this.#config.kvHeads, this.#capacityOf(layer), this.#config.headDim];
    const made = { k: runtime.float32(this.#k[layer], dims), v: runtime.float32(this.#v[layer], dims) };
    this.#tensors[layer] = made;
    return made;
  }

  /** Marks a slot as free. */
  clear(slot: number): void {
    this.#lengths[slot] = 0;
  }

  /** Drops all slots except the given ones, and renumbers these in the given order. */
  keep(slots: readonly number[]): void {
    const { kvHeads, headDim } = this.#config;
    const gather = (buffer: Float32Array, l: number): Float32Array => {
      const size = kvHeads * this.#capacityOf(l) * headDim;
      const smaller = new Float32Array(slots.length * size);
      slots.forEach((slot, row) => {
        smaller.set(buffer.subarray(slot * size, (slot + 1) * size), row * size);
      });
      return smaller;
    };
    this.#k = this.#k.map(gather);
    this.#v = this.#v.map(gather);
    this.#lengths = Int32Array.from(slots, (slot) => this.#lengths[slot]);
    this.#slots = slots.length;
    this.#tensors.fill(undefined);
  }

  /** Moves the rows to larger buffers if `needed` tokens exceed the capacity. */
  #reserve(needed: number): void {
    if (needed <= this.#capacity) return;
    const before = Array.from(this.#k, (_, l) => this.#capacityOf(l));
    this.#capacity = roundUp(needed);
    const grow = (buffer: Float32Array, l: number): Float32Array => {
      const capacity = { from: before[l], to: this.#capacityOf(l) };
      return capacity.from === capacity.to ? buffer : this.#moved(buffer, capacity);
    };
    this.#k = this.#k.map(grow);
    this.#v = this.#v.map(grow);
    this.#tensors.fill(undefined);
  }

  #moved(buffer: Float32Array, { from, to }: { readonly from: number; readonly to: number }): Float32Array {
    const { kvHeads, headDim } = this.#config;
    const larger = new Float32Array(this.#slots * kvHeads * to * headDim);
    for (let row = 0; row < this.#slots * kvHeads; row++)
      larger.set(buffer.subarray(row * from * headDim, (row + 1) * from * headDim), row * to * headDim);
    return larger;
  }

  #allocate(): Float32Array[] {
    const { layers, kvHeads, headDim } = this.#config;
    return Array.from(
      { length: layers },
      (_, l) => new Float32Array(this.#slots * kvHeads * this.#capacityOf(l) * headDim),
    );
  }

  #capacityOf(layer: number): number {
    return this.#layout.capacity(layer, this.#capacity);
  }

  #buffers(layer: number): LayerBuffers {
    return { k: this.#k[layer], v: this.#v[layer], capacity: this.#capacityOf(layer) };
  }
}

function roundUp(tokens: number): number {
  return Math.ceil(tokens / STEP) * STEP;
}
