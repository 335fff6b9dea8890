/**
 * A queue that serves several keys (e.g. clients) fairly, by start-time fair queueing. The next item is one
 * of the key with the least served work, so a key with a thousand queued items does not delay a key with a
 * single item.
 * @see Goyal, Vin & Cheng, "Start-time fair queueing", SIGCOMM 1996
 * @module
 */

interface KeyQueue<T> {
  /** Served work of this key, in units of cost. A key accumulates no credit while it has no items. */
  served: number;
  readonly waiting: { readonly item: T; readonly cost: number }[];
}

export class FairQueue<T> {
  readonly #queues = new Map<string, KeyQueue<T>>();
  /**
   * Virtual time: the served work of the key that was served last, before that item was added. A key that
   * gets items again starts at this value.
   */
  #now = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Adds an item at the end of its key's queue.
   *
   * @param cost - expected work of the item, > 0; {@link charge} corrects it later
   */
  push(key: string, item: T, cost: number): void {
    const queue = this.#queues.get(key) ?? { served: this.#now, waiting: [] };
    if (queue.waiting.length === 0) queue.served = Math.max(queue.served, this.#now);
    queue.waiting.push({ item, cost });
    this.#queues.set(key, queue);
    this.#size++;
  }

  /** Returns the next item without removing it; undefined if the queue is empty. */
  peek(): T | undefined {
    return this.#next()?.[1].waiting[0]?.item;
  }

  /**
   * Removes and returns the oldest item of the key with the least served work; ties go to the key that was
   * served longer ago.
   */
  shift(): T | undefined {
    const next = this.#next();
    const taken = next?.[1].waiting.shift();
    if (next === undefined || taken === undefined) return undefined;
    const [key, queue] = next;
    this.#now = queue.served;
    queue.served += taken.cost;
    // a served key moves to the end, so that keys with equal work alternate
    this.#queues.delete(key);
    this.#queues.set(key, queue);
    this.#size--;
    if (this.#size === 0) this.#forget();
    return taken.item;
  }

  /**
   * Adds `work` to the served work of a key: the actual work of an item minus its expected cost; may be
   * negative.
   */
  charge(key: string, work: number): void {
    const queue = this.#queues.get(key);
    if (queue) queue.served += work;
  }

  /** Removes an item at any position. Returns whether it was in the queue. */
  remove(item: T): boolean {
    for (const queue of this.#queues.values()) {
      const at = queue.waiting.findIndex((waiting) => waiting.item === item);
      if (at < 0) continue;
      queue.waiting.splice(at, 1);
      this.#size--;
      return true;
    }
    return false;
  }

  /** Returns all items, in no particular order. */
  items(): T[] {
    return [...this.#queues.values()].flatMap(({ waiting }) => waiting.map(({ item }) => item));
  }

  #next(): [string, KeyQueue<T>] | undefined {
    let best: [string, KeyQueue<T>] | undefined;
    for (const entry of this.#queues)
      if (entry[1].waiting.length > 0 && (best === undefined || entry[1].served < best[1].served))
        best = entry;
    return best;
  }

  /**
   * Deletes keys without items whose served work is at most the virtual time. They would start again at the
   * virtual time in any case.
   */
  #forget(): void {
    for (const [key, { served, waiting }] of this.#queues)
      if (waiting.length === 0 && served <= this.#now) this.#queues.delete(key);
  }
}
