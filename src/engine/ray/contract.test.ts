import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { describeEngineContract } from '../contract.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import { START_MS } from '../torch/testing/python.ts';
import { rayEngine, rayFolder } from './testing/clusters.ts';
import { describeWithRay } from './testing/ray.ts';

describeWithRay('one actor of a local cluster', () => {
  const ray = rayFolder();
  const local = { cpus: 1, gpus: 0, objectStoreMib: 80, temporary: ray.path };
  const engine = rayEngine({ local, decodeBatch: 16 });
  const folder = mkdtempSync(join(tmpdir(), 'troupe-ray-'));
  const dir = join(folder, 'model');
  beforeAll(() => engine.hello(), START_MS);
  afterAll(async () => {
    await engine.close();
    rmSync(folder, { recursive: true });
    ray.remove();
  }, START_MS);
  describeEngineContract(
    'ray',
    () => {
      const config = tinyConfig();
      saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
      return engine.load({ dir });
    },
    {
      engine,
      prompts: ['a', 'bc+1', 'deed=0123'],
      learningRate: 1e-3,
      logpTolerance: 1e-4,
      divergenceTolerance: 1e-4,
      gradientTolerance: 2e-2,
    },
  );
});
