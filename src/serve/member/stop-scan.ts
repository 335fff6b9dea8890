/**
 * Cuts a text that comes in pieces at the first stop text, and holds back an end that may still become one:
 * what was shown is never taken back.
 * @module
 */

export interface Scanned {
  /** Text that is certain now. */
  readonly text: string;
  /** Whether a stop text was met; nothing follows. */
  readonly stopped: boolean;
}

export class StopScan {
  readonly #stops: readonly string[];
  #held = '';
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '');
  }

  /** Adds a piece. */
  push(piece: string): Scanned {
    if (this.#stopped) return { text: '', stopped: true };
    const text = this.#held + piece;
    let cut = -1;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at >= 0 && (cut < 0 || at < cut)) cut = at;
    }
    if (cut >= 0) {
      this.#stopped = true;
      this.#held = '';
      return { text: text.slice(0, cut), stopped: true };
    }
    const kept = this.#heldLength(text);
    this.#held = text.slice(text.length - kept);
    return { text: text.slice(0, text.length - kept), stopped: false };
  }

  /** The message ended: what was held back is text after all. */
  end(): string {
    const rest = this.#held;
    this.#held = '';
    return rest;
  }

  /** Longest end of the text that begins a stop text. */
  #heldLength(text: string): number {
    let longest = 0;
    for (const stop of this.#stops)
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--)
        if (text.endsWith(stop.slice(0, length))) longest = length;
    return longest;
  }
}
