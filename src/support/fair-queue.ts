/**
 * A queue that serves its keys in turn: whoever has had least so far is next, so a key with a thousand
 * items waiting cannot keep out one with a single item (start-time fair queueing).
 * @see Goyal, Vin & Cheng, "Start-time fair queueing", SIGCOMM 1996
 * @module
 */

interface Line<T> {
  /** Work this key was given, in units of cost; keys that were idle do not save it up. */
  served: number;
  readonly waiting: { readonly item: T; readonly cost: number }[];
}

export class FairQueue<T> {
  readonly #lines = new Map<string, Line<T>>();
  /** `served` of the key that was served last: where keys that were idle start again. */
  #now = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param cost - expected work, > 0; corrected by {@link charge} once it is known */
  push(key: string, item: T, cost: number): void {
    const line = this.#lines.get(key) ?? { served: this.#now, waiting: [] };
    if (line.waiting.length === 0) line.served = Math.max(line.served, this.#now);
    line.waiting.push({ item, cost });
    this.#lines.set(key, line);
    this.#size++;
  }

  /** The next item without taking it; undefined when there is none. */
  peek(): T | undefined {
    return this.#next()?.[1].waiting[0]?.item;
  }

  /** Takes the oldest item of the key that had least; ties go to the key that came first. */
  shift(): T | undefined {
    const next = this.#next();
    const taken = next?.[1].waiting.shift();
    if (next === undefined || taken === undefined) return undefined;
    const [key, line] = next;
    this.#now = line.served;
    line.served += taken.cost;
    // moved behind the others, so that equals take turns
    this.#lines.delete(key);
    this.#lines.set(key, line);
    this.#size--;
    if (this.#size === 0) this.#forget();
    return taken.item;
  }

  /** Adds work that an item turned out to be, beyond the cost it was pushed with; negative: it was less. */
  charge(key: string, work: number): void {
    const line = this.#lines.get(key);
    if (line) line.served += work;
  }

  /** Takes an item out, wherever it waits. @returns whether it waited */
  remove(item: T): boolean {
    for (const line of this.#lines.values()) {
      const at = line.waiting.findIndex((waiting) => waiting.item === item);
      if (at < 0) continue;
      line.waiting.splice(at, 1);
      this.#size--;
      return true;
    }
    return false;
  }

  /** All items, in no particular order. */
  items(): T[] {
    return [...this.#lines.values()].flatMap(({ waiting }) => waiting.map(({ item }) => item));
  }

  #next(): [string, Line<T>] | undefined {
    let best: [string, Line<T>] | undefined;
    for (const entry of this.#lines)
      if (entry[1].waiting.length > 0 && (best === undefined || entry[1].served < best[1].served))
        best = entry;
    return best;
  }

  /** Keys behind the clock have nothing to remember: they would start at the clock again. */
  #forget(): void {
    for (const [key, { served, waiting }] of this.#lines)
      if (waiting.length === 0 && served <= this.#now) this.#lines.delete(key);
  }
}
