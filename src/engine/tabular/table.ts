/**
 * Softmax tables: one row of logits per state, where a state is the whole token prefix. A row is created when it
 * first receives a gradient; before that the state has its prior logits, which are a function of the prefix alone.
 * So sampling and scoring never change a table.
 * @module
 */
import { type AdamWOptions, adamwStep } from '../../core/adamw.ts';
import { randomStream } from '../../core/rng.ts';

/**
 * Logits of states that have no row. Token v has the logit offset_v + scale * n_v, where n_v is a standard
 * normal draw that depends only on the seed and the state's prefix.
 */
export interface TablePrior {
  /** Offset of each token's logit, the same in every state [V]; default 0. */
  readonly offsets?: readonly number[];
  /**
   * Standard deviation of the state-dependent part of the logits. Default 0: all states have equal logits.
   */
  readonly scale?: number;
  /** Seed of the state-dependent part of the logits. */
  readonly seed?: number;
}

/** Rows of logits in order of creation, with AdamW's moments per logit. */
export class LogitTable {
  readonly vocabSize: number;
  readonly prior: TablePrior;
  /** AdamW steps taken. */
  steps = 0;
  /** Cache of prior logits; clones share it, since prior logits depend on the prefix alone. */
  #priorRows = new Map<string, Float64Array>();
  #rows = new Map<string, number>();
  #logits: Float64Array = new Float64Array();
  #m: Float64Array = new Float64Array();
  #v: Float64Array = new Float64Array();

  constructor(vocabSize: number, prior: TablePrior) {
    this.vocabSize = vocabSize;
    this.prior = prior;
  }

  /** A deep copy; only the cache of prior logits is shared. */
  clone(): LogitTable {
    const copy = new LogitTable(this.vocabSize, this.prior);
    copy.steps = this.steps;
    copy.#priorRows = this.#priorRows;
    copy.#rows = new Map(this.#rows);
    copy.#logits = Float64Array.from(this.logits);
    copy.#m = Float64Array.from(this.m);
    copy.#v = Float64Array.from(this.v);
    return copy;
  }

  /** Number of rows. */
  get size(): number {
    return this.#rows.size;
  }

  /** Prefixes of the rows, in row order; see {@link stateKey}. */
  keys(): IterableIterator<string> {
    return this.#rows.keys();
  }

  /** All logits [rows, V]. The array is a view that becomes invalid when a row is added. */
  get logits(): Float64Array {
    return this.#logits.subarray(0, this.size * this.vocabSize);
  }

  /** First moments [rows, V]; a view like {@link logits}. */
  get m(): Float64Array {
    return this.#m.subarray(0, this.size * this.vocabSize);
  }

  /** Second moments [rows, V]; a view like {@link logits}. */
  get v(): Float64Array {
    return this.#v.subarray(0, this.size * this.vocabSize);
  }

  /** Returns the logits of a state [V]; the caller must not change them. */
  read(key: string): Float64Array {
    const row = this.#rows.get(key);
    if (row === undefined) return this.#priorRow(key);
    return this.#logits.subarray(row * this.vocabSize, (row + 1) * this.vocabSize);
  }

  /** Returns the index of the state's row. Creates the row from the prior logits if it does not exist. */
  ensureRow(key: string): number {
    const existing = this.#rows.get(key);
    if (existing !== undefined) return existing;
    const row = this.size;
    const needed = (row + 1) * this.vocabSize;
    if (needed > this.#logits.length) {
      const capacity = Math.max(needed, this.#logits.length * 2);
      this.#logits = grown(this.#logits, capacity);
      this.#m = grown(this.#m, capacity);
      this.#v = grown(this.#v, capacity);
    }
    this.#logits.set(this.#priorRow(key), row * this.vocabSize);
    this.#rows.set(key, row);
    return row;
  }

  /**
   * Takes one AdamW step on all rows. States without a row have no moments and no gradient, and weight decay does
   * not apply to them.
   *
   * @param gradient - d loss / d logits [rows, V]
   */
  update(gradient: Float64Array, options: AdamWOptions): void {
    const before = { m: this.m, v: this.v, t: this.steps };
    const { parameters, state } = adamwStep(before, this.logits, gradient, options);
    this.#logits = parameters;
    this.#m = state.m;
    this.#v = state.v;
    this.steps = state.t;
  }

  #priorRow(key: string): Float64Array {
    const known = this.#priorRows.get(key);
    if (known !== undefined) return known;
    const row = this.#drawPriorRow(key);
    this.#priorRows.set(key, row);
    return row;
  }

  #drawPriorRow(key: string): Float64Array {
    const { offsets, scale = 0, seed = 0 } = this.prior;
    const row = Float64Array.from({ length: this.vocabSize }, (_, v) => offsets?.[v] ?? 0);
    if (scale === 0) return row;
    const stream = randomStream(seed, ...(key === '' ? [] : key.split(' ').map(Number)));
    for (let v = 0; v < row.length; v++) row[v] = (row[v] as number) + scale * stream.normal();
    return row;
  }
}

/** Returns the key of the state after `prefix`: the token ids, separated by spaces. */
export function stateKey(prefix: ArrayLike<number>): string {
  return Array.prototype.join.call(prefix, ' ');
}

function grown(values: Float64Array, capacity: number): Float64Array {
  const copy = new Float64Array(capacity);
  copy.set(values);
  return copy;
}
