/**
 * A decode batch in a worker process: tokens are sent to the worker, and logits are received. The worker
 * numbers rows in loading order; this class maps slots to rows.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { DecodeBatch, LogitsRow } from '../decode-batch.ts';
import type { ModelCall } from './connection.ts';
import type { Frame } from './frames.ts';
import { ragged } from './ragged.ts';

type Ask = (call: ModelCall) => Promise<Frame>;

/** Opens a batch in the worker. @throws EngineError if a context leaves no room for a message */
export async function openRemoteBatch(
  ask: Ask,
  contexts: readonly Int32Array[],
  slots: number,
): Promise<DecodeBatch> {
  const { header } = await ask({ call: 'open_batch', arrays: ragged('context', contexts, Int32Array) });
  const { batch, vocab_size } = header.value as { readonly batch: string; readonly vocab_size: number };
  return new RemoteBatch(ask, { batch, vocabSize: vocab_size, slots });
}

class RemoteBatch implements DecodeBatch {
  readonly vocabSize: number;
  readonly #ask: Ask;
  readonly #batch: string;
  /** Row of each slot in the worker; undefined for free slots. */
  #rows: (number | undefined)[];
  /** Number of rows in the worker, including rows of slots that were cleared since the last step. */
  #count = 0;
  #logits: Float32Array;

  constructor(
    ask: Ask,
    {
      batch,
      vocabSize,
      slots,
    }: { readonly batch: string; readonly vocabSize: number; readonly slots: number },
  ) {
    this.vocabSize = vocabSize;
    this.#ask = ask;
    this.#batch = batch;
    this.#rows = new Array<number | undefined>(slots).fill(undefined);
    this.#logits = new Float32Array(slots * vocabSize);
  }

  async load(slot: number, request: number): Promise<LogitsRow> {
    const answer = await this.#ask({ call: 'load_row', params: { batch: this.#batch, request } });
    this.#rows[slot] = this.#count++;
    return { logits: logitsOf(answer), row: 0 };
  }

  async step(last: readonly number[]): Promise<Float32Array> {
    const live = this.#rows.flatMap((row, slot) => (row === undefined ? [] : [{ row, slot }]));
    live.sort((a, b) => a.row - b.row);
    const answer = await this.#ask({
      call: 'step_rows',
      params: { batch: this.#batch },
      arrays: {
        keep: Int32Array.from(live, ({ row }) => row),
        last: Int32Array.from(live, ({ slot }) => last[slot] as number),
      },
    });
    const logits = logitsOf(answer);
    live.forEach(({ slot }, row) => {
      this.#rows[slot] = row;
      this.#logits.set(
        logits.subarray(row * this.vocabSize, (row + 1) * this.vocabSize),
        slot * this.vocabSize,
      );
    });
    this.#count = live.length;
    return this.#logits;
  }

  clear(slot: number): void {
    this.#rows[slot] = undefined;
  }

  keep(slots: readonly number[]): void {
    this.#rows = slots.map((slot) => this.#rows[slot]);
    this.#logits = new Float32Array(slots.length * this.vocabSize);
  }
}

function logitsOf({ arrays }: Frame): Float32Array {
  const logits = arrays.get('logits');
  if (logits instanceof Float32Array) return logits;
  throw new EngineError('engine torch: expected an array "logits" from the worker, got none');
}
