/**
 * The resource limits of a program. Steps and memory are counted, not measured, so that a verdict is the same on
 * every machine. Expensive operations are charged before they run.
 * @module
 */
import { LimitExceeded } from './errors.ts';

/** Limits of steps, memory and nested calls. */
export interface Limits {
  /** Maximum number of evaluated nodes, iterated elements and compared characters. */
  readonly steps: number;
  /**
   * Maximum number of allocated elements and characters, of at most about 30 bytes each. Freed ones count
   * too.
   */
  readonly cells: number;
  /** Nested calls. */
  readonly depth: number;
}

/**
 * Default limits. They allow about two seconds, 100 MB, and fewer nested calls than fit on the host's stack.
 */
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

  /** Spends steps. @throws LimitExceeded if the limit is exceeded, and on every later call */
  spend(steps: number): void {
    this.#steps -= steps;
    if (!(this.#steps >= 0)) throw new LimitExceeded(`more than ${this.#limits.steps} steps`);
  }

  /** Spends memory cells for an allocation, and the steps that the allocation takes. @throws LimitExceeded */
  allocate(cells: number): void {
    this.spend(1 + cells / 8);
    this.#cells -= cells;
    if (!(this.#cells >= 0)) throw new LimitExceeded(`more than ${this.#limits.cells} cells of memory`);
  }

  /** Runs `work` as a nested call. @throws LimitExceeded */
  deeper<T>(work: () => T): T {
    if (--this.#depth < 0) throw new LimitExceeded(`more than ${this.#limits.depth} nested calls`);
    try {
      return work();
    } finally {
      this.#depth++;
    }
  }
}
