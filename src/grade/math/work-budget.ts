/**
 * The work budget of one verdict. Answers come from models and may be adversarial: `9^{9^9}`, or ten thousand
 * brackets. Every computation that can grow spends units of the budget, and an exhausted budget ends the
 * verdict. The budget counts steps, not time, so that the verdict on a text is the same on every machine.
 * @module
 */

/** Thrown when the work budget is exhausted. The verifier catches every such error. */
export class WorkBudgetExceeded extends Error {
  override readonly name = 'WorkBudgetExceeded';
}

/**
 * Budget of one verdict, in units of {@link WorkBudget.spend}. A million units take about a third of a
 * second.
 */
const WORK_PER_VERDICT = 200_000;

/** Maximum number of units that exact arithmetic may spend before random points are tried. */
export const EXACT_WORK = 50_000;

/** Maximum nesting of brackets, fractions and exponents. */
export const MAX_DEPTH = 60;

/** Maximum size of an integer in exact arithmetic, in bits. */
const MAX_BITS = 4096;

export class WorkBudget {
  readonly #whole: WorkBudget | undefined;
  #left: number;

  constructor(units: number = WORK_PER_VERDICT, whole?: WorkBudget) {
    this.#left = units;
    this.#whole = whole;
  }

  /**
   * Creates a budget of at most `units` units that is part of this one, so that one attempt leaves enough for
   * the next one.
   */
  part(units: number): WorkBudget {
    return new WorkBudget(Math.min(units, this.#left), this);
  }

  /** Spends units. @throws WorkBudgetExceeded when the budget is exhausted */
  spend(units: number): void {
    this.#whole?.spend(units);
    this.#left -= units;
    if (this.#left < 0) throw new WorkBudgetExceeded('the answer takes too many steps to verify');
  }

  /**
   * Spends the cost of an operation on integers with this many bits. @throws WorkBudgetExceeded if they are
   * too large
   */
  requireBits(bits: number): void {
    if (!(bits <= MAX_BITS)) throw new WorkBudgetExceeded('the answer has a number that is too large');
    this.spend(1 + (bits * bits) / 2048); // the quadratic term is the cost of reducing a fraction
  }
}

/**
 * Returns the result of `attempt`, or undefined when the attempt exhausts its budget.
 *
 * @throws any other error of `attempt`
 */
export function withinLimits<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof WorkBudgetExceeded) return undefined;
    throw error;
  }
}
