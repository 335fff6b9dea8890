import { describeEngineContract } from '../contract.ts';
import { createOnnxEngine } from './engine.ts';
import { tinyModel } from './testing/tiny-model.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false, tokenBudget: 64, decodeBatch: 3 });

describeEngineContract('onnx', () => tinyModel(engine), {
  engine,
  prompts: ['a', 'bc+1', 'deed=0123'],
  learningRate: 1e-3,
  logpTolerance: 1e-4,
  divergenceTolerance: 1e-4,
  gradientTolerance: 2e-2,
});

describeEngineContract(
  'onnx, untied embeddings, plain heads',
  () => tinyModel(engine, { tiedEmbeddings: false, kvHeads: 6 }),
  {
    engine,
    prompts: ['a', 'bc+1', 'deed=0123'],
    learningRate: 1e-3,
    logpTolerance: 1e-4,
    divergenceTolerance: 1e-4,
    gradientTolerance: 2e-2,
  },
);
