/**
 * A buffer between a producer of events and the single consumer that writes them to a stream. The producer never
 * waits for a slow client.
 * @module
 */

export class EventQueue<T> {
  readonly #events: T[] = [];
  #isClosed = false;
  #wake = (): void => {};

  /** Adds an event. After {@link close}, the event is ignored. */
  push(event: T): void {
    if (this.#isClosed) return;
    this.#events.push(event);
    this.#wake();
  }

  /** Ends the queue. Events that are already in the queue can still be taken. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /**
   * Removes and returns all buffered events. If there are none, waits for the first one.
   *
   * @param timeoutMs - longest wait, milliseconds
   * @returns the events in order; [] after a timeout; undefined once the queue is closed and empty
   */
  async take(timeoutMs: number): Promise<readonly T[] | undefined> {
    if (this.#events.length === 0 && !this.#isClosed)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    if (this.#events.length === 0 && this.#isClosed) return undefined;
    return this.#events.splice(0);
  }
}
