/**
 * A count of the work one verdict may cost. Answers come from models and may be anything, also `9^{9^9}` or
 * ten thousand brackets; everything that can grow spends from this purse, and an empty purse ends the
 * verdict instead of the process. Counting steps rather than time makes the same text end the same way on
 * every machine.
 * @module
 */

/** Thrown inside the verifier when a verdict costs too much; never leaves it. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork';
}

/** Units of {@link Work.spend} per verdict; a million of them take about a third of a second. */
const WORK_PER_VERDICT = 200_000;

/** What exact arithmetic may spend of it before points are tried. */
export const EXACT_WORK = 50_000;

/** Deepest nesting of brackets, fractions and exponents that is read. */
export const MAX_DEPTH = 60;

/** Largest integer in exact arithmetic, in bits. */
const MAX_BITS = 4096;

export class Work {
  readonly #whole: Work | undefined;
  #left: number;

  constructor(units: number = WORK_PER_VERDICT, whole?: Work) {
    this.#left = units;
    this.#whole = whole;
  }

  /** A purse of at most `units` out of this one, so that one attempt cannot take what the next one needs. */
  part(units: number): Work {
    return new Work(Math.min(units, this.#left), this);
  }

  /** @throws TooMuchWork when the purse is empty */
  spend(units: number): void {
    this.#whole?.spend(units);
    this.#left -= units;
    if (this.#left < 0) throw new TooMuchWork('the answer takes too long to judge');
  }

  /** Whether a value is small enough to go on with. @throws TooMuchWork if it is not */
  requireBits(bits: number): void {
    if (!(bits <= MAX_BITS)) throw new TooMuchWork('the answer has a number that is too large');
    this.spend(1 + (bits * bits) / 2048); // as reducing a fraction does
  }
}

/**
 * The result of `attempt`, or undefined when it ran out of work.
 *
 * @throws whatever else `attempt` throws
 */
export function withinLimits<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof TooMuchWork) return undefined;
    throw error;
  }
}
