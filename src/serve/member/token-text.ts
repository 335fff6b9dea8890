/**
 * Text of tokens one at a time. A token alone may be a part of a character, and how it reads may depend on
 * its neighbours, so each piece is what a short window of tokens gained.
 * @module
 */

/** Stands for bytes that are no whole character (yet). */
const PARTIAL = '\uFFFD';

/** Tokens in front of a new one that can change how it reads. */
const WINDOW = 6;

export class TokenText {
  readonly #decode: (tokens: readonly number[]) => string;
  readonly #tokens: number[] = [];
  /** The window starts here. */
  #from = 0;
  /** Text of the window that was given out. */
  #known = '';

  /** @param decode - text of tokens, the same for the same tokens */
  constructor(decode: (tokens: readonly number[]) => string) {
    this.#decode = decode;
  }

  /** @returns what the text gained; '' while a character is unfinished */
  push(token: number): string {
    this.#tokens.push(token);
    const now = this.#decode(this.#tokens.slice(this.#from));
    return now.endsWith(PARTIAL) ? '' : this.#gained(now);
  }

  /** What is left when the message ends within a character. */
  end(): string {
    return this.#gained(this.#decode(this.#tokens.slice(this.#from)));
  }

  #gained(now: string): string {
    const gained = now.startsWith(this.#known) ? now.slice(this.#known.length) : '';
    this.#known = now;
    if (this.#tokens.length - this.#from >= 2 * WINDOW) {
      // decoding again from further on, so that a long message costs no more per token than a short one
      this.#from = this.#tokens.length - WINDOW;
      this.#known = this.#decode(this.#tokens.slice(this.#from));
    }
    return gained;
  }
}
