/**
 * The `operations` option that generated tasks share: some of the characters of `+-*` or `+-*` and `/`.
 * @module
 */
import type { OptionReader } from '../../support/options.ts';

/**
 * Reads `operations`, a text of distinct operator characters such as `+-`.
 *
 * @param allowed - the operators the task knows
 */
export function readOperations<T extends string>(
  options: OptionReader,
  allowed: readonly T[],
  fallback: readonly T[],
): readonly T[] {
  const written = options.optionalText('operations');
  if (written === undefined) return fallback;
  const characters = [...written];
  const operations = allowed.filter((operation) => characters.includes(operation));
  if (operations.length !== characters.length)
    options.reject('operations', `expected distinct characters of "${allowed.join('')}", got "${written}"`);
  return operations;
}
