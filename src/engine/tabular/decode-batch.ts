/**
 * The tabular engine's decode batch: the state of a slot is its token prefix.
 * @module
 */
import type { DecodeBatch, LogitsRow } from '../decode-batch.ts';
import { type LogitTable, stateKey } from './table.ts';

/** @param slots - maximum number of messages that are decoded at the same time */
export function createTabularBatch(
  table: LogitTable,
  contexts: readonly Int32Array[],
  slots: number,
): DecodeBatch {
  return new TabularBatch(table, contexts, slots);
}

class TabularBatch implements DecodeBatch {
  readonly #table: LogitTable;
  readonly #contexts: readonly Int32Array[];
  /** Token prefix of each slot: context and message so far; undefined for free slots. */
  #prefixes: (number[] | undefined)[];

  constructor(table: LogitTable, contexts: readonly Int32Array[], slots: number) {
    this.#table = table;
    this.#contexts = contexts;
    this.#prefixes = new Array<number[] | undefined>(slots).fill(undefined);
  }

  get vocabSize(): number {
    return this.#table.vocabSize;
  }

  async load(slot: number, request: number): Promise<LogitsRow> {
    const prefix = [...(this.#contexts[request] as Int32Array)];
    this.#prefixes[slot] = prefix;
    return { logits: Float32Array.from(this.#table.read(stateKey(prefix))), row: 0 };
  }

  async step(last: readonly number[]): Promise<Float32Array> {
    const logits = new Float32Array(last.length * this.vocabSize);
    for (const [slot, prefix] of this.#prefixes.entries()) {
      if (prefix === undefined) continue;
      prefix.push(last[slot] as number);
      logits.set(this.#table.read(stateKey(prefix)), slot * this.vocabSize);
    }
    return logits;
  }

  clear(slot: number): void {
    this.#prefixes[slot] = undefined;
  }

  keep(slots: readonly number[]): void {
    this.#prefixes = slots.map((slot) => this.#prefixes[slot]);
  }
}
