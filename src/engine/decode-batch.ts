/**
 * The interface for decoding a batch of messages token by token, in which the caller draws the tokens.
 * Samplers use it, and so do policies that mix several models. A batch has slots, each of which decodes one
 * message at a time; the caller assigns messages to slots.
 * @module
 */

/** One row, i.e. the logits of one message's next token, of an array of logits [B, V]. */
export interface LogitsRow {
  readonly logits: Float32Array;
  readonly row: number;
}

/**
 * A batch of messages that is being decoded. Its logits are not divided by a temperature: the caller samples
 * from softmax(logits / temperature).
 */
export interface DecodeBatch {
  readonly vocabSize: number;
  /**
   * Prefills the context of a request into a free slot. Call it once per request.
   *
   * @param request - index of the request among those for which the batch was opened
   * @returns logits of the message's first token
   */
  load(slot: number, request: number): Promise<LogitsRow>;
  /**
   * Feeds the last token of every slot to the model; the result predicts the next tokens.
   *
   * @param last - last token of each slot's message [slots]; 0 for free slots
   * @returns logits [slots, V]; the next call overwrites them
   */
  step(last: readonly number[]): Promise<Float32Array>;
  /** Marks a slot as free. */
  clear(slot: number): void;
  /** Drops all slots except the given ones, and renumbers these in the given order. */
  keep(slots: readonly number[]): void;
}
