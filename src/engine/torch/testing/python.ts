/**
 * Where tests find PyTorch: `TROUPE_PYTHON` names a Python that has python/troupe_worker/requirements.txt.
 * Without it those tests are skipped, unless `TROUPE_PYTHON_REQUIRED` says that they must not be.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { readCheckpointTokenizer } from '../../text/checkpoint-text.ts';
import { createTorchEngine, type TorchEngine, type TorchEngineOptions } from '../engine.ts';

export const TEST_PYTHON = process.env.TROUPE_PYTHON;

/** Importing PyTorch on a busy machine. */
export const START_MS = 300_000;

if (!TEST_PYTHON && process.env.TROUPE_PYTHON_REQUIRED)
  throw new Error('TROUPE_PYTHON: expected a Python with PyTorch, got none; TROUPE_PYTHON_REQUIRED is set');

// a Python process beside the tests: on a busy machine the two wait for each other
vi.setConfig({ testTimeout: START_MS, hookTimeout: START_MS });

/** `describe` where there is a Python with PyTorch; elsewhere it says what is skipped and why. */
export const describeWithTorch = (name: string, body: () => void): void => {
  if (TEST_PYTHON) describe(name, body);
  else describe.skip(`${name} (skipped: TROUPE_PYTHON names no Python with PyTorch)`, body);
};

export function testEngine(changes: Partial<TorchEngineOptions> = {}): TorchEngine {
  return createTorchEngine({
    python: TEST_PYTHON ?? 'python3',
    device: 'cpu',
    dtype: 'float32',
    threads: 1,
    tokenBudget: 64,
    decodeBatch: 3,
    readTokenizer: readCheckpointTokenizer,
    ...changes,
  });
}

/** Starts the engine's worker before the tests of a `describe`, ends it after them; with a folder for models. */
export function withWorker(engine: TorchEngine): string {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-torch-'));
  beforeAll(() => engine.hello(), START_MS);
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
  });
  return folder;
}
