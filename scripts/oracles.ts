/**
 * `npm run oracles -- FILE`: checks the core against a file of exact expected numbers, prints a line per
 * failure and the tally. Exit 0 if all passed, 1 if any failed, 2 if the file cannot be used.
 * @module
 */
import { readFileSync } from 'node:fs';
import { type OracleCase, parseOracles, runCase } from './oracles/run.ts';

/** At most this many characters of a value are printed. */
const SHOWN = 200;

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
        `FAIL ${oracle.family} ${oracle.id} ${path}: got ${shown(got)}, expected ${shown(expected)}`,
      );
  }
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

function shown(value: unknown): string {
  const text =
    typeof value === 'number' || value === undefined
      ? String(value)
      : JSON.stringify(value instanceof Float64Array ? Array.from(value) : value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

process.exitCode = main(process.argv.slice(2));
