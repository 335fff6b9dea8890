/**
 * Creates the zod fields of configuration files, options and requests. Each field describes its valid values
 * in one phrase, and every error contains this phrase: `expected a number > 0 and < 1, got 1.5`.
 * @module
 */
import { z } from 'zod';
import { nearestName } from '../support/nearest.ts';

export interface NumberRange {
  /** Inclusive bounds. */
  readonly min?: number;
  readonly max?: number;
  /** Exclusive bounds. */
  readonly above?: number;
  readonly below?: number;
  /** Reason for the bound, for errors. Given if the description of the field does not imply it. */
  readonly reason?: string;
}

/** A finite number within a range. */
export function number(range: NumberRange = {}) {
  return numberDescribed(describeRange('a number', range), range);
}

function numberDescribed(expected: string, range: NumberRange) {
  const error = expectedError(expected);
  return bounded(z.number({ error }), range, error);
}

/** An integer within a range. */
export function integer(range: NumberRange = {}) {
  const error = expectedError(describeRange('an integer', range));
  return bounded(z.int({ error }), range, error);
}

/** True or false. */
export function flag() {
  return z.boolean({ error: expectedError('true or false') });
}

/**
 * A text that is not empty.
 *
 * @param description - description of valid texts for errors, e.g. `the name of a file`
 */
export function text(description = 'a text') {
  const error = expectedError(description);
  return z.string({ error }).min(1, { error });
}

/** One of several words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, {
    error: (issue) => {
      const near = typeof issue.input === 'string' ? nearestName(issue.input, words) : undefined;
      const advice = near === undefined ? '' : `; did you mean "${near}"?`;
      return `expected one of ${words.join(', ')}, got ${show(issue.input)}${advice}`;
    },
  });
}

/** A number within a range, or a word such as `off` or `auto`. */
export function numberOr<const W extends string>(word: W, range: NumberRange) {
  const expected = `${describeRange('a number', range)}, or ${word}`;
  return z.union([numberDescribed(expected, range), z.literal(word)], { error: expectedError(expected) });
}

/** A number within a range, or the word `off`. */
export function numberOrOff(range: NumberRange) {
  return numberOr('off', range);
}

/** Creates the error message for a union of sections that are distinguished by their field `kind`. */
export function kindError(kinds: readonly string[]): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
    const near = typeof kind === 'string' ? nearestName(kind, kinds) : undefined;
    return `expected one of ${kinds.join(', ')}, got ${show(kind)}${near === undefined ? '' : `; did you mean "${near}"?`}`;
  };
}

/** Writes a value for an error message, truncated to 60 characters. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const written = typeof value === 'object' || typeof value === 'string' ? json(value) : String(value);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}

function json(value: object | string | null): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // JSON.stringify is recursive and overflows the stack on nesting that the parser accepts
    if (error instanceof RangeError) return 'something nested too deeply to be shown';
    throw error;
  }
}

function expectedError(expected: string): (issue: { readonly input?: unknown }) => string {
  return (issue) => `expected ${expected}, got ${show(issue.input)}`;
}

function bounded<T extends z.ZodNumber>(
  schema: T,
  { min, max, above, below }: NumberRange,
  error: (issue: { readonly input?: unknown }) => string,
): T {
  let limited: z.ZodNumber = schema;
  if (min !== undefined) limited = limited.min(min, { error });
  if (max !== undefined) limited = limited.max(max, { error });
  if (above !== undefined) limited = limited.gt(above, { error });
  if (below !== undefined) limited = limited.lt(below, { error });
  return limited as T; // adding bounds does not change the type of a schema
}

function describeRange(noun: string, { min, max, above, below, reason }: NumberRange): string {
  const bounds = [
    ...(min === undefined ? [] : [`>= ${min}`]),
    ...(above === undefined ? [] : [`> ${above}`]),
    ...(max === undefined ? [] : [`<= ${max}`]),
    ...(below === undefined ? [] : [`< ${below}`]),
  ];
  const range = bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
  return `${noun}${range}${reason === undefined ? '' : ` (${reason})`}`;
}
