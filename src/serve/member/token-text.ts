/**
 * Text of tokens one at a time. A token alone may be a part of a character, and how it reads may depend on
 * its neighbours, so each piece is what a short window of tokens gained.
 * @module
 */

/** Stands for bytes that are no whole character (yet). */
const PARTIAL = '\uFFFD';

/** Tokens of a window that are decoded again with each new one. */
const WINDOW = 6;

export class TokenText {
  readonly #decode: (tokens: readonly number[]) => string;
  readonly #tokens: number[] = [];
  /** The window starts here, and its tokens up to `#shown` have been given out. */
  #from = 0;
  #shown = 0;

  /** @param decode - text of tokens, the same for the same tokens */
  constructor(decode: (tokens: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** @returns what the text gained; '' while a character is unfinished */
  push(token: number): string {
    this.#tokens.push(token);
    const window = this.#tokens.slice(this.#from);
    const known = this.#decode(window.slice(0, this.#shown - this.#from));
    const now = this.#decode(window);
    if (now.endsWith(PARTIAL)) return '';
    const gained = now.startsWith(known) ? now.slice(known.length) : '';
    this.#shown = this.#tokens.length;
    this.#from = Math.max(this.#from, this.#shown - WINDOW);
    return gained;
  }

  /** What is left when the message ends within a character. */
  end(): string {
    const window = this.#tokens.slice(this.#from);
    const known = this.#decode(window.slice(0, this.#shown - this.#from));
    const now = this.#decode(window);
    this.#shown = this.#tokens.length;
    return now.startsWith(known) ? now.slice(known.length) : '';
  }
}
