/**
 * Finds the Python for tests with Ray. The environment variable `TROUPE_PYTHON` is the path of a Python in
 * which python/troupe_worker/requirements-ray.txt is installed. Without it the tests are skipped, or fail if
 * `TROUPE_RAY_REQUIRED` is set.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { describe } from 'vitest';
import { TEST_PYTHON } from '../../torch/testing/python.ts';

const FIND_RAY = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("ray") is None)';

const hasRay = TEST_PYTHON !== undefined && spawnSync(TEST_PYTHON, ['-c', FIND_RAY]).status === 0;

if (!hasRay && process.env.TROUPE_RAY_REQUIRED)
  throw new Error(
    `TROUPE_PYTHON: expected a Python with Ray, got ${TEST_PYTHON ?? 'none'}; TROUPE_RAY_REQUIRED is set`,
  );

/** Registers a `describe` block if there is a Python with Ray; otherwise skips it with the reason. */
export const describeWithRay = (name: string, body: () => void): void => {
  if (hasRay) describe(name, body);
  else describe.skip(`${name} (skipped: TROUPE_PYTHON names no Python with Ray)`, body);
};
