/**
 * `npm run oracles -- FILE`: compares the core with a file of exact expected numbers. Prints one line per difference and
 * the number of passed and failed cases. Exit code 0 if all passed, 1 if any failed, 2 if the file is invalid.
 * @module
 */
import { readFileSync } from 'node:fs';
import { type OracleCase, parseOracles, runCase } from './oracles/run.ts';

/** Largest number of characters of a value that are printed. */
const MAX_CHARACTERS = 200;

function main(args: readonly string[]): number {
  const file = args[0];
  if (args.length !== 1 || file === undefined) {
    console.error('oracles: expected one file; run "npm run oracles -- test/fixtures/oracles.json"');
    return 2;
  }
  let cases: OracleCase[];
  try {
    cases = parseOracles(readFileSync(file, 'utf8'));
  } catch (error) {
    console.error(`oracles: ${file}: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  let failed = 0;
  for (const oracle of cases) {
    const differences = runCase(oracle);
    if (differences.length === 0) continue;
    failed++;
    for (const { path, got, expected } of differences)
      console.log(
        `FAIL ${oracle.family} ${oracle.id} ${path}: got ${formatted(got)}, expected ${formatted(expected)}`,
      );
  }
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function formatted(value: unknown): string {
  const text =
    typeof value === 'number' || value === undefined
      ? String(value)
      : JSON.stringify(value instanceof Float64Array ? Array.from(value) : value);
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}...` : text;
}

process.exitCode = main(process.argv.slice(2));
