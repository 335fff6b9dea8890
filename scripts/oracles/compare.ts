/**
 * Compares what the core computed with what an oracle file expects.
 * @module
 */
import { decodeNumber, isRecord } from './input.ts';

/** One place where the two differ. */
export interface Mismatch {
  /** Where in the expected value, e.g. `steps[1].L_seq`. */
  readonly path: string;
  readonly got: unknown;
  readonly expected: unknown;
}

/**
 * |got − expected| <= tol (1 + |expected|), recursively; "NaN" and "Infinity" are numbers, null is "not
 * defined" and matches null or undefined. Every expected field must be there; further ones are ignored.
 *
 * @returns all mismatches, in the order of the expected value; empty if it passes
 */
export function mismatches(got: unknown, expected: unknown, tol: number, path = ''): Mismatch[] {
  const here = path === '' ? '(whole)' : path;
  const number = decodeNumber(expected);
  if (number !== undefined) return isClose(got, number, tol) ? [] : [{ path: here, got, expected }];
  if (expected === null) return got === null || got === undefined ? [] : [{ path: here, got, expected }];
  if (Array.isArray(expected)) {
    const list = asList(got);
    if (list === undefined || list.length !== expected.length) return [{ path: here, got, expected }];
    return expected.flatMap((entry, i) => mismatches(list[i], entry, tol, `${path}[${i}]`));
  }
  if (isRecord(expected)) {
    if (!isRecord(got)) return [{ path: here, got, expected }];
    return Object.entries(expected).flatMap(([key, entry]) =>
      mismatches(got[key], entry, tol, path === '' ? key : `${path}.${key}`),
    );
  }
  return got === expected ? [] : [{ path: here, got, expected }];
}

function isClose(got: unknown, expected: number, tol: number): boolean {
  if (typeof got !== 'number') return false;
  if (Number.isNaN(expected)) return Number.isNaN(got);
  if (!Number.isFinite(expected)) return got === expected;
  return Math.abs(got - expected) <= tol * (1 + Math.abs(expected));
}

function asList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return value instanceof Float64Array ? Array.from(value) : undefined;
}
