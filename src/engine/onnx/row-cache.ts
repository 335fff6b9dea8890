/**
 * Keys and values of the messages being served [rows, kvHeads, capacity, d] per layer. The live rows are
 * always the first ones: a message that ends gives its row to the last, so a step computes exactly the
 * messages there are. Room for rows and tokens grows with need, and tokens shrink again, because attention
 * reads all of it.
 * @see kv-cache.ts for the fixed set of rows that training samples with
 * @module
 */
import type { DecoderConfig } from './decoder/config.ts';
import type { PrefilledStates } from './kv-cache.ts';
import type { Runtime, Tensor } from './runtime.ts';
import type { StepCache } from './step-feeds.ts';

/** Room for tokens comes in steps of this many, so buffers move rarely. */
const TOKEN_STEP = 32;
const ROW_STEP = 4;

type CacheShape = Pick<DecoderConfig, 'layers' | 'kvHeads' | 'headDim'>;

export class RowCache implements StepCache {
  readonly #shape: CacheShape;
  readonly #maxRows: number;
  /** Tokens cached per row. */
  #lengths: number[] = [];
  #room = { rows: 0, tokens: 0 };
  #k: Float32Array[];
  #v: Float32Array[];
  #tensors: ({ k: Tensor; v: Tensor } | undefined)[];

  constructor(shape: CacheShape, maxRows: number) {
    this.#shape = shape;
    this.#maxRows = maxRows;
    this.#k = Array.from({ length: shape.layers }, () => new Float32Array(0));
    this.#v = Array.from({ length: shape.layers }, () => new Float32Array(0));
    this.#tensors = new Array(shape.layers).fill(undefined);
  }

  get rows(): number {
    return this.#lengths.length;
  }

  get sizeBytes(): number {
    return this.#room.rows * this.#room.tokens * this.#bytesPerToken;
  }

  /** Longest live row, in tokens. */
  get longest(): number {
    return this.#lengths.reduce((max, length) => Math.max(max, length), 0);
  }

  /** Bytes the cache takes once it holds so many rows of up to so many tokens. */
  bytesFor(rows: number, tokens: number): number {
    return this.#rowsFor(rows) * roundUp(tokens, TOKEN_STEP) * this.#bytesPerToken;
  }

  get #bytesPerToken(): number {
    const { layers, kvHeads, headDim } = this.#shape;
    return layers * kvHeads * headDim * 2 * Float32Array.BYTES_PER_ELEMENT;
  }

  /** Starts a row from a context's keys and values; returns its index, the last. */
  add(length: number, states: PrefilledStates): number {
    const { kvHeads, headDim, layers } = this.#shape;
    const row = this.rows;
    this.#reserve(row + 1, Math.max(this.longest, length) + 1);
    for (let l = 0; l < layers; l++)
      for (let h = 0; h < kvHeads; h++) {
        const from = (states.row * kvHeads + h) * states.length * headDim;
        const to = (row * kvHeads + h) * this.#room.tokens * headDim;
        this.#k[l].set(states.k[l].subarray(from, from + length * headDim), to);
        this.#v[l].set(states.v[l].subarray(from, from + length * headDim), to);
      }
    this.#lengths.push(length);
    this.#tensors.fill(undefined);
    return row;
  }

  /** Ends a row; the last one takes its index. */
  remove(row: number): void {
    const last = this.rows - 1;
    const size = this.#shape.kvHeads * this.#room.tokens * this.#shape.headDim;
    if (row !== last) {
      for (const buffer of [...this.#k, ...this.#v])
        buffer.copyWithin(row * size, last * size, (last + 1) * size);
      this.#lengths[row] = this.#lengths[last] as number;
    }
    this.#lengths.pop();
    this.#tensors.fill(undefined);
    // with half of it unused, attention over the rest pays for the move
    if (this.rows > 0 && roundUp(this.longest + 1, TOKEN_STEP) * 2 <= this.#room.tokens)
      this.#move({ rows: this.#room.rows, tokens: roundUp(this.longest + 1, TOKEN_STEP) });
  }

  advance(): Int32Array {
    this.#reserve(this.rows, this.longest + 1);
    const positions = Int32Array.from(this.#lengths);
    for (let row = 0; row < this.rows; row++) (this.#lengths[row] as number)++;
    return positions;
  }

  append(layer: number, positions: Int32Array, k: Float32Array, v: Float32Array): void {
    const { kvHeads, headDim } = this.#shape;
    const [cacheK, cacheV] = [this.#k[layer], this.#v[layer]];
    for (let row = 0; row < this.rows; row++)
      for (let h = 0; h < kvHeads; h++) {
        const from = (row * kvHeads + h) * headDim;
        const to = ((row * kvHeads + h) * this.#room.tokens + positions[row]) * headDim;
        for (let i = 0; i < headDim; i++) {
          cacheK[to + i] = k[from + i];
          cacheV[to + i] = v[from + i];
        }
      }
  }

  tensors(layer: number, runtime: Runtime): { readonly k: Tensor; readonly v: Tensor } {
    const known = this.#tensors[layer];
    if (known) return known;
    const { kvHeads, headDim } = this.#shape;
    const dims = [this.rows, kvHeads, this.#room.tokens, headDim];
    const size = this.rows * kvHeads * this.#room.tokens * headDim;
    const made = {
      k: runtime.floats(this.#k[layer].subarray(0, size), dims),
      v: runtime.floats(this.#v[layer].subarray(0, size), dims),
    };
    this.#tensors[layer] = made;
    return made;
  }

  #rowsFor(rows: number): number {
    return Math.min(this.#maxRows, roundUp(rows, ROW_STEP));
  }

  #reserve(rows: number, tokens: number): void {
    if (rows <= this.#room.rows && tokens <= this.#room.tokens) return;
    this.#move({
      rows: rows <= this.#room.rows ? this.#room.rows : this.#rowsFor(rows),
      tokens: tokens <= this.#room.tokens ? this.#room.tokens : roundUp(tokens, TOKEN_STEP),
    });
  }

  /** Lays the live rows out anew. */
  #move(room: { readonly rows: number; readonly tokens: number }): void {
    const { kvHeads, headDim } = this.#shape;
    const from = this.#room.tokens * headDim;
    const to = room.tokens * headDim;
    const moved = (buffer: Float32Array): Float32Array => {
      const fresh = new Float32Array(room.rows * kvHeads * to);
      for (let row = 0; row < this.rows * kvHeads; row++)
        fresh.set(buffer.subarray(row * from, row * from + Math.min(from, to)), row * to);
      return fresh;
    };
    this.#k = this.#k.map(moved);
    this.#v = this.#v.map(moved);
    this.#room = room;
    this.#tensors.fill(undefined);
  }
}

function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}
