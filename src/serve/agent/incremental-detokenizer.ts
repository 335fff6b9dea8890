/**
 * Decodes tokens one at a time. A token may contain only a part of a character, and its text may depend on
 * neighbouring tokens. Each step therefore decodes a short window of tokens and returns the text that was
 * added to the window.
 * @module
 */

/** U+FFFD, which the decoder outputs for bytes that do not form a complete character. */
export const REPLACEMENT = '\uFFFD';

/** Number of preceding tokens that can change the text of a token. */
const WINDOW = 6;

export class IncrementalDetokenizer {
  readonly #decode: (tokens: readonly number[]) => string;
  readonly #tokens: number[] = [];
  /** Index of the first token of the window. */
  #start = 0;
  /** The part of the window's text that was already returned. */
  #returned = '';

  /** @param decode - pure function that returns the text of a list of tokens */
  constructor(decode: (tokens: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** @returns the text that the token adds to the message; '' while a character is incomplete */
  push(token: number): string {
    this.#tokens.push(token);
    const text = this.#decode(this.#tokens.slice(this.#start));
    return text.endsWith(REPLACEMENT) ? '' : this.#gained(text);
  }

  /** @returns the rest of the text, which is not empty if the message ends inside a character */
  end(): string {
    return this.#gained(this.#decode(this.#tokens.slice(this.#start)));
  }

  #gained(text: string): string {
    const gained = text.startsWith(this.#returned) ? text.slice(this.#returned.length) : '';
    this.#returned = text;
    if (this.#tokens.length - this.#start >= 2 * WINDOW) this.#slide();
    return gained;
  }

  /** Moves the window forward, so that the cost per token does not grow with the length of the message. */
  #slide(): void {
    const start = this.#tokens.length - WINDOW;
    const tail = this.#decode(this.#tokens.slice(start));
    // the window must not start inside a character: its bytes, and in some vocabularies all later ones, would
    // be decoded wrongly
    if (tail.includes(REPLACEMENT) || !this.#returned.endsWith(tail)) return;
    this.#start = start;
    this.#returned = tail;
  }
}
