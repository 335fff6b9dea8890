/**
 * Keeps the final hidden states of the sequences that were computed last. An update needs those under the weights before it
 * several times: to score its messages, and as the reference side of the divergence of every attempt.
 * @module
 */
import type { Sequence } from '../../engine.ts';

/** Maximum size of the kept states, bytes. Logits, which are not kept, are about a hundred times larger. */
const MAX_BYTES = 2 ** 27;

interface Entry {
  readonly version: number;
  readonly sequences: readonly Sequence[];
  readonly states: readonly Float32Array[];
}

export class KeptStates {
  #entry: Entry | undefined;

  /**
   * Returns the states of each batch [M, D], in order; undefined if those of exactly these sequences under these weights
   * are not kept. Equal lists are packed into equal batches, so the states are the bytes that a new pass would give.
   *
   * @param version - version of the weights; equal versions are equal bytes
   */
  find(version: number, sequences: readonly Sequence[]): readonly Float32Array[] | undefined {
    const entry = this.#entry;
    if (entry?.version !== version || entry.sequences.length !== sequences.length) return undefined;
    return sequences.every((sequence, at) => sequence === entry.sequences[at]) ? entry.states : undefined;
  }

  /** Replaces the kept states. Has no effect if they are too large. */
  keep(version: number, sequences: readonly Sequence[], states: readonly Float32Array[]): void {
    const bytes = states.reduce((sum, { byteLength }) => sum + byteLength, 0);
    if (bytes <= MAX_BYTES) this.#entry = { version, sequences: [...sequences], states };
  }
}
