/**
 * Argument checks of the core's public functions. Each number is checked when it is passed to a public
 * function. A NaN therefore causes an error that names the array and the index, instead of a loss that is
 * NaN.
 * @module
 */
import { DomainError } from './errors.ts';

/** @throws DomainError if the lengths differ; `what` completes the message "expected 4 group ids, got 3" */
export function checkLength(where: string, what: string, expected: number, got: number): void {
  if (got !== expected) throw new DomainError(`${where}: expected ${expected} ${what}, got ${got}`);
}

/** @throws DomainError naming the first value that is NaN or infinite */
export function checkFinite(where: string, name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++)
    if (!Number.isFinite(values[i]))
      throw new DomainError(`${where}: expected finite ${name}[${i}], got ${values[i]}`);
}

/** @throws DomainError unless value is finite and > 0 */
export function checkPositive(where: string, name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw new DomainError(`${where}: expected ${name} > 0, got ${value}`);
}

/** @throws DomainError unless 0 < value < 1 */
export function checkOpenUnit(where: string, name: string, value: number): void {
  if (!(value > 0 && value < 1))
    throw new DomainError(`${where}: expected ${name} strictly between 0 and 1, got ${value}`);
}

/** @throws DomainError unless value is an integer >= least */
export function checkInteger(where: string, name: string, value: number, least: number): void {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new DomainError(`${where}: expected ${name} to be an integer >= ${least}, got ${value}`);
}

/** @throws DomainError unless lo < hi, both finite */
export function checkRange(where: string, lo: number, hi: number): void {
  if (!(Number.isFinite(lo) && Number.isFinite(hi) && lo < hi))
    throw new DomainError(`${where}: expected finite lo < hi, got lo ${lo} and hi ${hi}`);
}

/** @throws DomainError naming the first value outside [lo, hi] */
export function checkWithin(
  where: string,
  name: string,
  values: ArrayLike<number>,
  { lo, hi }: { readonly lo: number; readonly hi: number },
): void {
  for (let i = 0; i < values.length; i++)
    if (!(values[i] >= lo && values[i] <= hi))
      throw new DomainError(`${where}: expected ${name}[${i}] in [${lo}, ${hi}], got ${values[i]}`);
}

/** @throws DomainError unless the values are >= 0 and sum to 1 within 1e-6 */
export function checkDistribution(where: string, name: string, p_V: ArrayLike<number>): void {
  let sum = 0;
  for (let v = 0; v < p_V.length; v++) {
    if (!(p_V[v] >= 0)) throw new DomainError(`${where}: expected ${name}[${v}] >= 0, got ${p_V[v]}`);
    sum += p_V[v];
  }
  if (!(Math.abs(sum - 1) < 1e-6))
    throw new DomainError(`${where}: expected ${name} to sum to 1, got ${sum}`);
}
