import { join } from 'node:path';
import { describeEngineContract } from '../contract.ts';
import type { DecoderConfig } from '../onnx/decoder/config.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import { describeWithTorch, testEngine, withWorker } from './testing/python.ts';

const VARIANTS: readonly (readonly [string, Partial<DecoderConfig>])[] = [
  ['torch', {}],
  ['torch, untied embeddings, plain heads', { tiedEmbeddings: false, kvHeads: 6 }],
];

describeWithTorch('one worker', () => {
  const engine = testEngine({ decodeBatch: 16 });
  const folder = withWorker(engine);
  for (const [name, changes] of VARIANTS) {
    const config = tinyConfig(changes);
    const dir = join(folder, name);
    describeEngineContract(
      name,
      () => {
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
  }
});
