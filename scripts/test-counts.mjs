/**
 * Prints `N passed, M failed` from a report of Vitest's JSON reporter. A test file that could not be loaded
 * has no tests; it counts as one failure.
 *
 * Usage: node scripts/test-counts.mjs REPORT.json
 */
import { readFileSync } from 'node:fs';

const [path] = process.argv.slice(2);
/** @type {{numPassedTests: number, numFailedTests: number, testResults: {status: string, assertionResults: {status: string}[]}[]}} */
let report;
try {
  report = JSON.parse(readFileSync(path, 'utf8'));
} catch {
  console.error(
    `test-counts: expected a report of the test run in ${path}, got none; the runner itself failed`,
  );
  process.exit(1);
}
const unloadable = report.testResults.filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((assertion) => assertion.status === 'failed'),
);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + unloadable.length} failed`);
