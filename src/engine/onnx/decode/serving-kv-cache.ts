/**
 * The key/value cache of continuous batching: per layer [rows, kvHeads, capacity, d]. In-flight messages always occupy
 * the first rows: when a message ends, the last row moves to its index, so a step computes no unused rows. Capacity
 * grows on demand; the token capacity also shrinks, because attention reads all of it.
 * @see kv-cache.ts for the cache of the training sampler, which has a fixed number of slots
 * @module
 */
import type { DecoderConfig } from '../decoder/config.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';
import type { PrefilledStates } from './kv-cache.ts';
import { KvLayout, type LayerBuffers } from './kv-layout.ts';
import type { StepCache } from './step-runner.ts';

/** Token and row capacities are multiples of these two numbers, so that buffers are rarely reallocated. */
const TOKEN_STEP = 32;
const ROW_STEP = 4;

type CacheShape = Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim' | 'layerKinds' | 'slidingWindow'>;

export class ServingKvCache implements StepCache {
  readonly #shape: CacheShape;
  readonly #layout: KvLayout;
  readonly #maxRows: number;
  /** Cached tokens per row. */
  #lengths: number[] = [];
  #capacity = { rows: 0, tokens: 0 };
  #k: Float32Array[];
  #v: Float32Array[];
  #tensors: ({ k: Tensor; v: Tensor } | undefined)[];

  constructor(shape: CacheShape, maxRows: number) {
    this.#shape = shape;
    this.#layout = new KvLayout(shape);
    this.#maxRows = maxRows;
    this.#k = Array.from({ length: shape.layers }, () => new Float32Array(0));
    this.#v = Array.from({ length: shape.layers }, () => new Float32Array(0));
    this.#tensors = new Array(shape.layers).fill(undefined);
  }

  get rows(): number {
    return this.#lengths.length;
  }

  get sizeBytes(): number {
    return this.#capacity.rows * this.#bytesPerRow(this.#capacity.tokens);
  }

  /** Length of the longest row, tokens. */
  get longest(): number {
    return this.#lengths.reduce((max, length) => Math.max(max, length), 0);
  }

  /** Returns the size of the cache with `rows` rows of up to `tokens` tokens, bytes. */
  bytesFor(rows: number, tokens: number): number {
    return this.#rowsFor(rows) * this.#bytesPerRow(roundUp(tokens, TOKEN_STEP));
  }

  /** Returns the size of a row with capacity `tokens`, bytes. */
  #bytesPerRow(tokens: number): number {
    const { layers, kvHeads, headDim } = this.#shape;
    let kept = 0;
    for (let l = 0; l < layers; l++) kept += this.#layout.capacity(l, tokens);
    return kept * kvHeads * headDim * 2 * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Adds a row with a context's keys and values; returns its index, which is the last. */
  add(length: number, states: PrefilledStates): number {
    const row = this.rows;
    this.#reserve(row + 1, Math.max(this.longest, length) + 1);
    for (let layer = 0; layer < this.#shape.layers; layer++)
      this.#layout.load(this.#buffers(layer), { layer, row, length }, states);
    this.#lengths.push(length);
    this.#tensors.fill(undefined);
    return row;
  }

  /** Removes a row; the last row moves to its index. */
  remove(row: number): void {
    const last = this.rows - 1;
    if (row !== last) {
      for (let l = 0; l < this.#shape.layers; l++) {
        const size =
          this.#shape.kvHeads * this.#layout.capacity(l, this.#capacity.tokens) * this.#shape.headDim;
        for (const buffer of [this.#k[l], this.#v[l]])
          buffer.copyWithin(row * size, last * size, (last + 1) * size);
      }
      this.#lengths[row] = this.#lengths[last] as number;
    }
    this.#lengths.pop();
    this.#tensors.fill(undefined);
    // attention reads the whole capacity, so a reallocation pays off if half of the token capacity is unused
    if (this.rows > 0 && roundUp(this.longest + 1, TOKEN_STEP) * 2 <= this.#capacity.tokens)
      this.#move({ rows: this.#capacity.rows, tokens: roundUp(this.longest + 1, TOKEN_STEP) });
  }

  advance(): Int32Array {
    this.#reserve(this.rows, this.longest + 1);
    const positions = Int32Array.from(this.#lengths);
    for (let row = 0; row < this.rows; row++) (this.#lengths[row] as number)++;
    return positions;
  }

  append(layer: number, positions: Int32Array, k: Float32Array, v: Float32Array): void {
    this.#layout.append(this.#buffers(layer), { layer, positions }, { k, v });
  }

  kvLengths(layer: number, positions: Int32Array): Int32Array {
    return this.#layout.kvLengths(layer, positions);
  }

  tensors(layer: number, runtime: Runtime): { readonly k: Tensor; readonly v: Tensor } {
    const known = this.#tensors[layer];
    if (known) return known;
    const { kvHeads, headDim } = this.#shape;
    const dims = [this.rows, kvHeads, this.#layout.capacity(layer, this.#capacity.tokens), headDim];
    const size = dims.reduce((product, n) => product * n, 1);
    const made = {
      k: runtime.float32(this.#k[layer].subarray(0, size), dims),
      v: runtime.float32(this.#v[layer].subarray(0, size), dims),
    };
    this.#tensors[layer] = made;
    return made;
  }

  #buffers(layer: number): LayerBuffers {
    const capacity = this.#layout.capacity(layer, this.#capacity.tokens);
    return { k: this.#k[layer], v: this.#v[layer], capacity };
  }

  #rowsFor(rows: number): number {
    return Math.min(this.#maxRows, roundUp(rows, ROW_STEP));
  }

  #reserve(rows: number, tokens: number): void {
    if (rows <= this.#capacity.rows && tokens <= this.#capacity.tokens) return;
    this.#move({
      rows: rows <= this.#capacity.rows ? this.#capacity.rows : this.#rowsFor(rows),
      tokens: tokens <= this.#capacity.tokens ? this.#capacity.tokens : roundUp(tokens, TOKEN_STEP),
    });
  }

  /** Reallocates the buffers with a new capacity and copies the rows. */
  #move(capacity: { readonly rows: number; readonly tokens: number }): void {
    const { kvHeads, headDim } = this.#shape;
    const moved = (buffer: Float32Array, l: number): Float32Array => {
      const from = this.#layout.capacity(l, this.#capacity.tokens) * headDim;
      const to = this.#layout.capacity(l, capacity.tokens) * headDim;
      const fresh = new Float32Array(capacity.rows * kvHeads * to);
      for (let row = 0; row < this.rows * kvHeads; row++)
        fresh.set(buffer.subarray(row * from, row * from + Math.min(from, to)), row * to);
      return fresh;
    };
    this.#k = this.#k.map(moved);
    this.#v = this.#v.map(moved);
    this.#capacity = capacity;
    this.#tensors.fill(undefined);
  }
}

function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}
