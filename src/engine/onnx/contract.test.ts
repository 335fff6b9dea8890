import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { describeEngineContract } from '../contract.ts';
import type { Architecture, DecoderConfig } from './decoder/config.ts';
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

const options = {
  prompts: ['a', 'bc+1', 'deed=0123'],
  learningRate: 1e-3,
  logpTolerance: 1e-4,
  divergenceTolerance: 1e-4,
  gradientTolerance: 2e-2,
};

/** Config values for each model family that enable the family's own features, such as biases. */
const FAMILIES: Readonly<Record<string, Partial<DecoderConfig>>> = {
  Qwen2ForCausalLM: { biases: { qkv: true, o: false, mlp: false } },
  LlamaForCausalLM: {
    biases: { qkv: true, o: true, mlp: true },
    ropeScaling: {
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalPositions: 8,
    },
  },
  MistralForCausalLM: {
    slidingWindow: 3,
    layerKinds: [
      { sliding: true, rope: 'global' },
      { sliding: true, rope: 'global' },
    ],
  },
  SmolLM3ForCausalLM: {
    layerKinds: [
      { sliding: false, rope: 'global' },
      { sliding: false, rope: 'none' },
    ],
  },
  Gemma3ForCausalLM: {
    slidingWindow: 3,
    localRopeTheta: 100,
    queryScalar: 5,
    logitSoftcap: 8,
    layerKinds: [
      { sliding: true, rope: 'local' },
      { sliding: false, rope: 'global' },
    ],
  },
  Gemma2ForCausalLM: {
    slidingWindow: 3,
    attentionSoftcap: 4,
    logitSoftcap: 8,
    layerKinds: [
      { sliding: true, rope: 'global' },
      { sliding: false, rope: 'global' },
    ],
  },
};

for (const [architecture, changes] of Object.entries(FAMILIES))
  describeEngineContract(
    `onnx, ${architecture}`,
    () => tinyModel(engine, { ...changes, architecture: architecture as Architecture }),
    { engine, ...options },
  );

const layered = createOnnxEngine({ threads: 1, tokenBudget: 64, decodeBatch: 3, execution: 'layers' });
describeEngineContract('onnx, layer by layer', () => tinyModel(layered), { engine: layered, ...options });

const folder = mkdtempSync(join(tmpdir(), 'troupe-lora-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const baseDtype of ['float32', 'bfloat16'] as const) {
  const adapting = createOnnxEngine({
    threads: 1,
    tokenBudget: 64,
    decodeBatch: 3,
    baseDtype,
    lora: { r: 3, alpha: 6, targetModules: 'all-linear', rslora: false },
  });
  describeEngineContract(
    `onnx, an adapter over a frozen base in ${baseDtype}`,
    async () => {
      const dir = join(folder, baseDtype);
      if (!existsSync(dir)) await (await tinyModel(engine)).save(dir);
      return adapting.load({ dir });
    },
    { engine: adapting, ...options, learningRate: 1e-2 },
  );
}
