/**
 * Keeps the final hidden states of the sequences that were computed last. An update needs those under the weights before it
 * several times: to score its messages, and as the reference side of the divergence of every attempt.
 * @module
 */
import type { Sequence } from '../../engine.ts';

/** Maximum size of the kept states, bytes. Logits, which have the width of the vocabulary, are not kept. */
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

  /**
   * Drops the kept states, and returns an array that collects the new ones, in the order of the batches; undefined if they
   * are too large to be kept.
   *
   * @param width - elements of a token's state
   */
  collect(sequences: readonly Sequence[], width: number): Float32Array[] | undefined {
    this.#entry = undefined;
    const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
    return tokens * width * Float32Array.BYTES_PER_ELEMENT <= MAX_BYTES ? [] : undefined;
  }

  /** Keeps collected states, after the pass over all sequences. */
  keep(version: number, sequences: readonly Sequence[], states: readonly Float32Array[]): void {
    this.#entry = { version, sequences: [...sequences], states };
  }
}
