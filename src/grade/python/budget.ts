/**
 * What a program may use up. Steps and memory are counted, not measured, so a verdict is the same on every
 * machine. Whatever costs more than a moment announces its size before it is done.
 * @module
 */
import { LimitReached } from './errors.ts';

export interface Limits {
  /** Evaluated nodes, elements passed over, characters compared. */
  readonly steps: number;
  /** Elements and characters ever made, freed ones included; at most some 30 bytes each. */
  readonly cells: number;
  /** Calls within calls. */
  readonly depth: number;
}

/** About two seconds, 100 MB, and fewer calls than fit on the stack. */
export const DEFAULT_LIMITS: Limits = { steps: 10_000_000, cells: 4_000_000, depth: 150 };

export class Budget {
  #steps: number;
  #cells: number;
  #depth: number;
  readonly #limits: Limits;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#steps = limits.steps;
    this.#cells = limits.cells;
    this.#depth = limits.depth;
  }

  /** @throws LimitReached if the work goes beyond the limit, from then on always */
  spend(steps: number): void {
    this.#steps -= steps;
    if (!(this.#steps >= 0)) throw new LimitReached(`more than ${this.#limits.steps} steps`);
  }

  /** Announces memory; making it is work too. @throws LimitReached */
  hold(cells: number): void {
    this.spend(1 + cells / 8);
    this.#cells -= cells;
    if (!(this.#cells >= 0)) throw new LimitReached(`more than ${this.#limits.cells} cells of memory`);
  }

  /** Does something one call deeper. @throws LimitReached */
  deeper<T>(work: () => T): T {
    if (--this.#depth < 0) throw new LimitReached(`more than ${this.#limits.depth} calls within calls`);
    try {
      return work();
    } finally {
      this.#depth++;
    }
  }
}
