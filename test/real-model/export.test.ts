/** Compares exports of SmolLM2-135M-Instruct with an adapter in llama.cpp; team.test.ts reads exports back in troupe. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LlamaCppCase, scored } from '../../conformance/gguf/cases.ts';
import { compareWithLlamaCpp, hasLlamaCpp } from '../../conformance/gguf/llama-cpp.ts';
import { describeModel } from '../../src/app/compose/written-model.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import type { OnnxModel } from '../../src/engine/onnx/model.ts';
import { writeGgufAdapter, writeGgufModel } from '../../src/export/export-gguf.ts';
import { describeRealModel, SMOLLM2 } from './smollm2.ts';

const TEXTS = ['What is 3 + 4?', "I've 12345 apples;\n\n  x = [1,2]\t", '<|im_start|>user\nHi<|im_end|>\n'];

describeRealModel('an adapter of SmolLM2-135M-Instruct', () => {
  let dir: string;
  let adapter: string;
  let trained: OnnxModel;
  const engine = createOnnxEngine({
    lora: { r: 8, alpha: 16, targetModules: 'all-linear', rslora: false },
  });
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'troupe-real-export-'));
    adapter = join(dir, 'adapter');
    trained = await engine.load({ dir: SMOLLM2 });
    const sequence = {
      context: contexts(trained)[0] as Int32Array,
      tokens: trained.tokenizer.encode('Seven.'),
    };
    const cotangents = [new Float32Array(sequence.tokens.length).fill(-1)];
    for (let step = 0; step < 2; step++) {
      await trained.backward([sequence], cotangents, { temperature: 1 });
      await trained.step({
        ...{ learningRate: 1e-3, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
      });
    }
    await trained.save(adapter);
  }, 300_000);
  afterAll(async () => {
    await engine.close();
    rmSync(dir, { recursive: true });
  });

  const contexts = ({ tokenizer }: OnnxModel): Int32Array[] =>
    TEXTS.slice(0, 2).map((content) => tokenizer.encodeChat([{ role: 'user', content }]));

  it.skipIf(!hasLlamaCpp())(
    'has the same log-probabilities in llama.cpp, merged and as a LoRA file',
    async () => {
      const rows = await scored(trained, contexts(trained), TEXTS);
      const described = describeModel({ dir: SMOLLM2 });
      const source = { whole: SMOLLM2, tokenizerFrom: SMOLLM2, described, type: 'F32' } as const;
      const path = (name: string): string => join(dir, `${name}.gguf`);
      writeGgufModel(path('merged'), { ...source, name: 'merged', adapter });
      writeGgufModel(path('base'), { ...source, name: 'base' });
      writeGgufAdapter(path('lora'), adapter, { name: 'lora', decoder: described.decoder });
      const cases: LlamaCppCase[] = [
        { name: 'merged', model: path('merged'), tolerance: 1e-3, ...rows },
        { name: 'adapter', model: path('base'), lora: path('lora'), tolerance: 1e-3, ...rows },
      ];
      expect(compareWithLlamaCpp(cases, dir)).toMatch(/merged: .*\nadapter: /);
    },
    300_000,
  );
});
