/**
 * Decodes messages of a mixture of two models: both components process every message with their own KV
 * caches, and each token is drawn from the mixture of their distributions.
 * @module
 */
import type { MixtureSteps } from '../core/mixture.ts';
import type { DecodeBatch, LogitsRow } from '../engine/decode-batch.ts';
import { mixState } from './mixture-rows.ts';

export interface MixtureBatchParts {
  readonly incumbent: DecodeBatch;
  readonly replacement: DecodeBatch;
  readonly steps: MixtureSteps;
  /** Sampling temperature; the mixture is a different policy at each temperature. */
  readonly temperature: number;
}

/**
 * Creates the decode batch of a mixture.
 *
 * @param parts - the components' batches, opened with the same contexts and slots
 */
export function createMixtureBatch(parts: MixtureBatchParts): DecodeBatch {
  return new MixtureBatch(parts);
}

class MixtureBatch implements DecodeBatch {
  readonly vocabSize: number;
  readonly #parts: MixtureBatchParts;
  /** Slots with a message. The distributions of free slots are not mixed. */
  #open = new Set<number>();

  constructor(parts: MixtureBatchParts) {
    this.#parts = parts;
    this.vocabSize = parts.incumbent.vocabSize;
  }

  async load(slot: number, request: number): Promise<LogitsRow> {
    const { incumbent, replacement } = this.#parts;
    const [old, pre] = [await incumbent.load(slot, request), await replacement.load(slot, request)];
    this.#open.add(slot);
    const logits = new Float32Array(this.vocabSize);
    this.#mix(logits, this.#row(old.logits, old.row), this.#row(pre.logits, pre.row));
    return { logits, row: 0 };
  }

  async step(last: readonly number[]): Promise<Float32Array> {
    const { incumbent, replacement } = this.#parts;
    const [old, pre] = [await incumbent.step(last), await replacement.step(last)];
    const logits = new Float32Array(last.length * this.vocabSize);
    for (const slot of this.#open)
      this.#mix(this.#row(logits, slot), this.#row(old, slot), this.#row(pre, slot));
    return logits;
  }

  clear(slot: number): void {
    this.#parts.incumbent.clear(slot);
    this.#parts.replacement.clear(slot);
    this.#open.delete(slot);
  }

  keep(slots: readonly number[]): void {
    this.#parts.incumbent.keep(slots);
    this.#parts.replacement.keep(slots);
    const kept = slots.map((slot) => this.#open.has(slot));
    this.#open = new Set(kept.flatMap((isOpen, slot) => (isOpen ? [slot] : [])));
  }

  #row(rows: Float32Array, row: number): Float32Array {
    return rows.subarray(row * this.vocabSize, (row + 1) * this.vocabSize);
  }

  /** Computes the mixture of two rows and writes logits whose softmax at the temperature equals it. */
  #mix(logits: Float32Array, incumbent: Float32Array, replacement: Float32Array): void {
    const { temperature, steps } = this.#parts;
    const { logp_V } = mixState({ incumbent, replacement }, temperature, steps);
    for (let v = 0; v < logits.length; v++) logits[v] = temperature * (logp_V[v] as number);
  }
}
