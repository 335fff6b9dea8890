/**
 * Where tests find Ray: `TROUPE_PYTHON` names a Python that has python/troupe_worker/requirements-ray.txt. Without
 * it those tests are skipped, unless `TROUPE_RAY_REQUIRED` says that they must not be.
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';
import { readCheckpointTokenizer } from '../../onnx/checkpoint-text.ts';
import type { TorchEngine } from '../../torch/engine.ts';
import { TEST_PYTHON } from '../../torch/testing/python.ts';
import { WORKER_SOURCE } from '../../torch/worker-process.ts';
import { createRayEngine, type RayEngineOptions } from '../engine.ts';

const FIND_RAY = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("ray") is None)';
const PACKAGE = fileURLToPath(new URL('../../../../python/troupe_worker', import.meta.url));

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

/** A short path: Ray puts sockets under it. */
export function rayFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'tr-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

export function rayEngine(changes: Partial<RayEngineOptions> = {}): TorchEngine {
  return createRayEngine({
    python: TEST_PYTHON ?? 'python3',
    address: 'local',
    token: '',
    agents: 1,
    cpusPerAgent: 0.5,
    gpusPerAgent: 0,
    placement: 'spread',
    waitSeconds: 60,
    sharedFiles: false,
    dtype: 'float32',
    threads: 1,
    tokenBudget: 64,
    decodeBatch: 3,
    readTokenizer: readCheckpointTokenizer,
    ...changes,
  });
}

/** Two raylets on this machine, which a test can break; see python/troupe_worker/tests/two_raylets.py. */
export class TwoRaylets {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, address: string, lines: AsyncIterator<string>) {
    this.#child = child;
    this.address = address;
    this.#lines = lines;
  }

  static async start(): Promise<TwoRaylets> {
    const child = spawn(TEST_PYTHON ?? 'python3', ['-m', 'tests.two_raylets'], {
      cwd: PACKAGE,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, PYTHONPATH: WORKER_SOURCE, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const reader: Interface = createInterface({ input: child.stdout });
    const lines = reader[Symbol.asyncIterator]();
    const { value } = await lines.next();
    return new TwoRaylets(child, (JSON.parse(String(value)) as { readonly address: string }).address, lines);
  }

  /** Does it, and waits until it is done. */
  async tell(what: 'kill-actor' | 'kill-node' | 'add-node'): Promise<void> {
    this.#child.stdin?.write(`${what}\n`);
    if ((await this.#lines.next()).done) throw new Error(`the cluster ended instead of doing: ${what}`);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}
