/**
 * Finds the Python for tests with PyTorch. The environment variable `TROUPE_PYTHON` is the path of a Python
 * in which python/troupe_worker/requirements.txt is installed. Without it the tests are skipped, or fail if
 * `TROUPE_PYTHON_REQUIRED` is set.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, vi } from 'vitest';
import { readChatFiles, readCheckpointTokenizer } from '../../text/checkpoint-text.ts';
import { createTorchEngine, type TorchEngine, type TorchEngineOptions } from '../engine.ts';

export const TEST_PYTHON = process.env.TROUPE_PYTHON;

/** Timeout for starting a worker, ms. Importing PyTorch is slow on a busy machine. */
export const START_MS = 300_000;

if (!TEST_PYTHON && process.env.TROUPE_PYTHON_REQUIRED)
  throw new Error('TROUPE_PYTHON: expected a Python with PyTorch, got none; TROUPE_PYTHON_REQUIRED is set');

// the tests wait for a Python process, which is slow on a busy machine
vi.setConfig({ testTimeout: START_MS, hookTimeout: START_MS });

/** Registers a `describe` block if there is a Python with PyTorch; otherwise skips it with the reason. */
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
    readChatFiles,
    ...changes,
  });
}

/** Starts the engine's worker before the tests of a `describe` and closes it after them. @returns a folder for models */
export function withWorker(engine: TorchEngine): string {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-torch-'));
  beforeAll(() => engine.hello(), START_MS);
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
  });
  return folder;
}
