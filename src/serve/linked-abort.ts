/**
 * An abort controller that aborts when one of several source signals aborts, until it is unlinked.
 * `AbortSignal.any` cannot be unlinked: every message of a long request would leave an entry on the request's
 * signal.
 * @module
 */

export class LinkedAbort {
  readonly #controller = new AbortController();
  readonly #links: (readonly [signal: AbortSignal, listener: () => void])[] = [];

  /** @param sources - signals; when one aborts, this controller aborts with the same reason */
  constructor(...sources: readonly AbortSignal[]) {
    for (const source of sources) {
      const follow = (): void => this.abort(source.reason);
      if (source.aborted) follow();
      source.addEventListener('abort', follow, { once: true });
      this.#links.push([source, follow]);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    this.#controller.abort(reason);
  }

  /** Removes the listeners from the sources. */
  unlink(): void {
    for (const [source, listener] of this.#links.splice(0)) source.removeEventListener('abort', listener);
  }
}
