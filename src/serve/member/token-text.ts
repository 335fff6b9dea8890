/**
 * Text of tokens one at a time. A token alone may be a part of a character, and how it reads may depend on
 * its neighbours, so each piece is what a short window of tokens gained.
 * @module
 */

/** Stands for bytes that are no whole character (yet). */
export const PARTIAL = '\uFFFD';

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
    if (this.#tokens.length - this.#from >= 2 * WINDOW) this.#slide();
    return gained;
  }

  /** Goes on from a later token, so that a long message costs no more per token than a short one. */
  #slide(): void {
    const from = this.#tokens.length - WINDOW;
    const tail = this.#decode(this.#tokens.slice(from));
    // a window that began within a character would spoil it, and with some vocabularies all that follow
    if (tail.includes(PARTIAL) || !this.#known.endsWith(tail)) return;
    this.#from = from;
    this.#known = tail;
  }
}
