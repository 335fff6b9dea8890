/**
 * A batch of messages in the making, one token at a time: what a sampler, or a policy made of several
 * models, decodes through. Slots hold messages; which message is in which slot is the caller's business.
 * @module
 */

/** One row of logits [B, V]. */
export interface LogitsRow {
  readonly logits: Float32Array;
  readonly row: number;
}

/** Next-token distributions are softmax(logits / temperature), at whatever temperature the caller draws. */
export interface DecodeBatch {
  readonly vocabSize: number;
  /** Puts a request's context into a free slot; logits of its message's first token. Once per request. */
  load(slot: number, request: number): Promise<LogitsRow>;
  /**
   * One step of every slot.
   *
   * @param last - last token of each slot's message [slots]; 0 for free ones
   * @returns logits [slots, V]; overwritten by the next step
   */
  step(last: readonly number[]): Promise<Float32Array>;
  /** Marks a slot free. */
  clear(slot: number): void;
  /** Keeps only the given slots, in that order. */
  keep(slots: readonly number[]): void;
}
