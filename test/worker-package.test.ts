/** The Python package of the worker: its own tests, and versions that fit this package's. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { packageVersion } from '../src/cli/package-version.ts';
import { PROTOCOL } from '../src/engine/torch/connection.ts';
import { describeWithTorch, START_MS, TEST_PYTHON } from '../src/engine/torch/testing/python.ts';
import { WORKER_SOURCE } from '../src/engine/torch/worker-process.ts';

const PACKAGE = fileURLToPath(new URL('../python/troupe_worker', import.meta.url));

it('the worker has the version of this package, and speaks its protocol', () => {
  const source = readFileSync(`${WORKER_SOURCE}/troupe_worker/__init__.py`, 'utf8');
  expect(source).toContain(`VERSION = "${packageVersion()}"`);
  expect(source).toContain(`PROTOCOL = ${PROTOCOL}\n`);
  expect(readFileSync(`${PACKAGE}/pyproject.toml`, 'utf8')).toContain(`version = "${packageVersion()}"`);
});

describeWithTorch("the worker's own tests", () => {
  it(
    'pass',
    async () => {
      const words = ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'];
      const { stderr } = await promisify(execFile)(TEST_PYTHON as string, words, {
        cwd: PACKAGE,
        env: { ...process.env, PYTHONPATH: WORKER_SOURCE, PYTHONDONTWRITEBYTECODE: '1' },
      });
      expect(stderr).toMatch(/Ran \d+ tests/);
      expect(stderr).toMatch(/\nOK/);
    },
    START_MS,
  );
});
