/**
 * Cuts streamed text at the first stop sequence. A suffix that may be the beginning of a stop sequence is not
 * emitted yet, because emitted text cannot be withdrawn.
 * @module
 */

export interface ScannedText {
  /** Text that can be emitted. */
  readonly text: string;
  /** Whether a stop sequence was found. If so, no text follows. */
  readonly isStopped: boolean;
}

export class StopSequenceScanner {
  readonly #stops: readonly string[];
  /** The held-back suffix. */
  #buffer = '';
  #isStopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** Adds a piece of text and returns the text that can be emitted. */
  push(piece: string): ScannedText {
    if (this.#isStopped) return { text: '', isStopped: true };
    const text = this.#buffer + piece;
    let cut = -1;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at >= 0 && (cut < 0 || at < cut)) cut = at;
    }
    if (cut >= 0) {
      this.#isStopped = true;
      this.#buffer = '';
      return { text: text.slice(0, cut), isStopped: true };
    }
    const held = this.#partialLength(text);
    this.#buffer = text.slice(text.length - held);
    return { text: text.slice(0, text.length - held), isStopped: false };
  }

  /**
   * Ends the message. @returns the suffix that was not emitted yet, which turned out to be no stop sequence
   */
  end(): string {
    const rest = this.#buffer;
    this.#buffer = '';
    return rest;
  }

  /** Length of the longest suffix of the text that is a proper prefix of a stop sequence. */
  #partialLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }
}
