/**
 * Decodes tokens one at a time. A token may be a part of a character, and its text may depend on its neighbours, so
 * each step decodes a short window of tokens and returns the text that the window gained.
 * @module
 */

/** U+FFFD: the decoder writes it for bytes that are no complete character. */
export const REPLACEMENT = '\uFFFD';

/** Tokens before a new token that can change its text. */
const WINDOW = 6;

export class IncrementalDetokenizer {
  readonly #decode: (tokens: readonly number[]) => string;
  readonly #tokens: number[] = [];
  /** Index of the first token of the window. */
  #start = 0;
  /** Text of the window that was already returned. */
  #returned = '';

  /** @param decode - text of tokens; a pure function */
  constructor(decode: (tokens: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** @returns the text that the token adds; '' while a character is incomplete */
  push(token: number): string {
    this.#tokens.push(token);
    const text = this.#decode(this.#tokens.slice(this.#start));
    return text.endsWith(REPLACEMENT) ? '' : this.#gained(text);
  }

  /** @returns the rest of the text, where the message ends within a character */
  end(): string {
    return this.#gained(this.#decode(this.#tokens.slice(this.#start)));
  }

  #gained(text: string): string {
    const gained = text.startsWith(this.#returned) ? text.slice(this.#returned.length) : '';
    this.#returned = text;
    if (this.#tokens.length - this.#start >= 2 * WINDOW) this.#slide();
    return gained;
  }

  /** Moves the window forward, so that the cost per token does not grow with the message. */
  #slide(): void {
    const start = this.#tokens.length - WINDOW;
    const tail = this.#decode(this.#tokens.slice(start));
    // a window that starts within a character would decode it wrongly, and in some vocabularies all later ones
    if (tail.includes(REPLACEMENT) || !this.#returned.endsWith(tail)) return;
    this.#start = start;
    this.#returned = tail;
  }
}
