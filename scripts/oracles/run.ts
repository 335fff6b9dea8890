/**
 * Runs oracle cases against the core. Each family of cases has one adapter, which translates the field names
 * of the file.
 * @module
 */
import { type Mismatch, mismatches } from './compare.ts';
import { certificateAdapters } from './families-certificate.ts';
import { learningAdapters } from './families-learning.ts';
import { policyAdapters } from './families-policy.ts';
import { tabularAdapters } from './families-tabular.ts';
import { type Adapter, CaseInput, isRecord } from './input.ts';

export interface OracleCase {
  readonly id: string;
  readonly family: string;
  readonly input: unknown;
  readonly expected: unknown;
  readonly tol: number;
}

const ADAPTERS: Readonly<Record<string, Adapter>> = {
  ...learningAdapters,
  ...policyAdapters,
  ...certificateAdapters,
  ...tabularAdapters,
};

/**
 * Parses an oracle file.
 *
 * @param text - contents of an oracle file: {version, cases: [{id, family, name, input, expected, tol, note}]}
 * @returns its cases
 * @throws Error with a message of one line if the text is not an oracle file or has no cases
 */
export function parseOracles(text: string): OracleCase[] {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw new Error(`expected JSON, got ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (!isRecord(file) || !Array.isArray(file.cases))
    throw new Error('expected an object with a list "cases"');
  if (file.cases.length === 0) throw new Error('expected at least one case, got none');
  return file.cases.map((entry: unknown, i) => {
    if (
      !isRecord(entry) ||
      typeof entry.id !== 'string' ||
      typeof entry.family !== 'string' ||
      typeof entry.tol !== 'number' ||
      !('input' in entry) ||
      !('expected' in entry)
    )
      throw new Error(`cases[${i}]: expected id, family, input, expected and tol`);
    const { id, family, input, expected, tol } = entry;
    return { id, family, input, expected, tol };
  });
}

/**
 * Runs one case.
 *
 * @returns all mismatches; empty if the case passes. An unknown family or a thrown error counts as one mismatch.
 */
export function runCase({ family, input, expected, tol }: OracleCase): Mismatch[] {
  if (!Object.hasOwn(ADAPTERS, family)) return [{ path: 'family', got: 'unknown family', expected: family }];
  try {
    return mismatches(ADAPTERS[family](new CaseInput(input)), expected, tol);
  } catch (error) {
    return [{ path: '(error)', got: error instanceof Error ? error.message : String(error), expected }];
  }
}
