/**
 * Checks that the worker's Python package has the version and protocol that this package expects, and that
 * Ray is pinned to one version. The worker's other tests run with pytest.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { packageVersion } from '../src/app/package-version.ts';
import { PROTOCOL, WORKER_VERSION } from '../src/engine/torch/connection.ts';
import { WORKER_SOURCE } from '../src/engine/torch/worker-process.ts';

const PACKAGE = fileURLToPath(new URL('../python/troupe_worker', import.meta.url));

it('the worker has the version and the protocol of this package', () => {
  const source = readFileSync(`${WORKER_SOURCE}/troupe_worker/__init__.py`, 'utf8');
  expect(source).toContain(`VERSION = "${packageVersion()}"`);
  expect(WORKER_VERSION).toBe(packageVersion());
  expect(source).toContain(`PROTOCOL = ${PROTOCOL}\n`);
  expect(readFileSync(`${PACKAGE}/pyproject.toml`, 'utf8')).toContain(`version = "${packageVersion()}"`);
});

it('Ray is pinned to the same version in every file of the package', () => {
  const pin = /^ray==(\S+)$/m.exec(readFileSync(`${PACKAGE}/requirements-ray.txt`, 'utf8'))?.[1];
  expect(readFileSync(`${PACKAGE}/pyproject.toml`, 'utf8')).toContain(`ray = ["ray==${pin}"]`);
});
