/**
 * Selects the sums and products that can be expanded term by term.
 * @module
 */
import type { Rational } from '../rational.ts';
import type { Series } from './ast.ts';

/** Maximum number of terms that are expanded. Longer series are compared as written. */
export const MAX_SERIES_TERMS = 300;

/**
 * Returns the first and last index of a finite sum or product with integer bounds and few terms; undefined
 * for other series.
 */
export function indicesOf(
  { operation, variable }: Series,
  from: Rational | undefined,
  to: Rational | undefined,
): readonly [bigint, bigint] | undefined {
  if ((operation !== 'sum' && operation !== 'product') || variable === '') return undefined;
  if (from?.denominator !== 1n || to?.denominator !== 1n) return undefined;
  return to.numerator - from.numerator < MAX_SERIES_TERMS ? [from.numerator, to.numerator] : undefined;
}
