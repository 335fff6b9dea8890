/**
 * Leaves of the configuration schema. Each says in one phrase what it expects, and that phrase is the
 * error of every way of getting it wrong: `expected a number > 0 and < 1, got 1.5`.
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
  /** Why the bound exists, where the field's description does not imply it. */
  readonly reason?: string;
}

/** A finite number within a range. */
export function number(range: NumberRange = {}) {
  return numberCalled(phrase('a number', range), range);
}

function numberCalled(expected: string, range: NumberRange) {
  const error = complaint(expected);
  return bounded(z.number({ error }), range, error);
}

/** An integer within a range. */
export function integer(range: NumberRange = {}) {
  const error = complaint(phrase('an integer', range));
  return bounded(z.int({ error }), range, error);
}

/** True or false. */
export function flag() {
  return z.boolean({ error: complaint('true or false') });
}

/** A text that is not empty. */
export function text(what = 'a text') {
  const error = complaint(what);
  return z.string({ error }).min(1, { error });
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, {
    error: (issue) => {
      const near = typeof issue.input === 'string' ? nearestName(issue.input, words) : undefined;
      const advice = near === undefined ? '' : `; did you mean "${near}"?`;
      return `expected one of ${words.join(', ')}, got ${show(issue.input)}${advice}`;
    },
  });
}

/** A number within a range, or the word `off`. */
export function numberOrOff(range: NumberRange) {
  const expected = `${phrase('a number', range)}, or off`;
  return z.union([numberCalled(expected, range), z.literal('off')], { error: complaint(expected) });
}

/** Error of a union of sections told apart by their `kind`. */
export function kindComplaint(kinds: readonly string[]): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    const kind = typeof input === 'object' && input !== null && 'kind' in input ? input.kind : undefined;
    const near = typeof kind === 'string' ? nearestName(kind, kinds) : undefined;
    return `expected one of ${kinds.join(', ')}, got ${show(kind)}${near === undefined ? '' : `; did you mean "${near}"?`}`;
  };
}

/** A value as the user would write it, cut short when long. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const written = typeof value === 'object' || typeof value === 'string' ? json(value) : String(value);
  return written.length > 60 ? `${written.slice(0, 57)}...` : written;
}

function json(value: object | string | null): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // parsed without recursion, but written with it
    if (error instanceof RangeError) return 'something nested too deeply to be shown';
    throw error;
  }
}

function complaint(expected: string): (issue: { readonly input?: unknown }) => string {
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
  return limited as T; // bounds do not change the type
}

function phrase(noun: string, { min, max, above, below, reason }: NumberRange): string {
  const bounds = [
    ...(min === undefined ? [] : [`>= ${min}`]),
    ...(above === undefined ? [] : [`> ${above}`]),
    ...(max === undefined ? [] : [`<= ${max}`]),
    ...(below === undefined ? [] : [`< ${below}`]),
  ];
  const range = bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`;
  return `${noun}${range}${reason === undefined ? '' : ` (${reason})`}`;
}
