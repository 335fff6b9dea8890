/**
 * Comparison of the core's results with the expected values of an oracle file.
 * @module
 */
import { decodeNumber, isRecord } from './input.ts';

/** One difference between a result and its expected value. */
export interface Mismatch {
  /** Path in the expected value, e.g. `steps[1].L_seq`. */
  readonly path: string;
  readonly got: unknown;
  readonly expected: unknown;
}

/**
 * Compares a result recursively with its expected value. Numbers must satisfy |got − expected| <= tol
 * (1 + |expected|). The strings "NaN" and "Infinity" are numbers; null means "not defined" and matches null
 * or undefined. Every expected field must exist; additional fields are ignored.
 *
 * @returns all mismatches, in the order of the expected value; empty if the case passes
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
