/**
 * Where tests find Ray: `TROUPE_PYTHON` names a Python that has python/troupe_worker/requirements-ray.txt. Without
 * it those tests are skipped, unless `TROUPE_RAY_REQUIRED` says that they must not be.
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

/** `describe` where there is a Python with Ray; elsewhere it says what is skipped and why. */
export const describeWithRay = (name: string, body: () => void): void => {
  if (hasRay) describe(name, body);
  else describe.skip(`${name} (skipped: TROUPE_PYTHON names no Python with Ray)`, body);
};
