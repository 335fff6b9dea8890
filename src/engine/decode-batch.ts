/**
 * The port for decoding a batch of messages token by token. Samplers use it, and so do policies that mix several
 * models. A batch has slots; the caller assigns messages to slots.
 * @module
 */

/** One row of a logits array [B, V]. */
export interface LogitsRow {
  readonly logits: Float32Array;
  readonly row: number;
}

/** Logits are unscaled: the caller samples from softmax(logits / temperature) at a temperature of its choice. */
export interface DecodeBatch {
  readonly vocabSize: number;
  /**
   * Loads a request's context into a free slot. Call once per request.
   *
   * @param request - index of the request
   * @returns logits of the message's first token
   */
  load(slot: number, request: number): Promise<LogitsRow>;
  /**
   * Decodes one token in every slot.
   *
   * @param last - last token of each slot's message [slots]; 0 for free slots
   * @returns logits [slots, V]; the next step overwrites them
   */
  step(last: readonly number[]): Promise<Float32Array>;
  /** Marks a slot as free. */
  clear(slot: number): void;
  /** Drops all slots but the given ones, which are renumbered in the given order. */
  keep(slots: readonly number[]): void;
}
