import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LlamaCppCase, scored } from '../../conformance/gguf/cases.ts';
import { compareWithLlamaCpp, hasLlamaCpp } from '../../conformance/gguf/llama-cpp.ts';
import { describeModel } from '../../src/app/compose/written-model.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import type { OnnxModel } from '../../src/engine/onnx/model.ts';
import { exportAgent } from '../../src/export/export-agent.ts';
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
  const logpOf = async (model: OnnxModel): Promise<number[]> => {
    const tokens = trained.tokenizer.encode('Seven. The answer is 7.');
    const [context = new Int32Array()] = contexts(trained);
    return [...((await model.forward([{ context, tokens }], { temperature: 1 }))[0] ?? [])];
  };
  const expectClose = (found: readonly number[], expected: readonly number[], tolerance: number): void => {
    expect(found).toHaveLength(expected.length);
    for (const [i, value] of found.entries())
      expect(Math.abs(value - (expected[i] as number))).toBeLessThan(tolerance);
  };

  it('has the same log-probabilities as an exported folder and as a GGUF file', async () => {
    const expected = await logpOf(trained);
    const folder = join(dir, 'folder');
    exportAgent(adapter, folder, { dtype: 'F32', maxShardBytes: 1e9, mergeInto: SMOLLM2 });
    const plain = createOnnxEngine();
    expectClose(await logpOf(await plain.load({ dir: folder })), expected, 2e-4);
    const path = join(dir, 'merged-F16.gguf');
    const described = describeModel({ dir: SMOLLM2 });
    const model = { name: 'merged', whole: SMOLLM2, adapter, tokenizerFrom: SMOLLM2, described };
    writeGgufModel(path, { ...model, type: 'F16' });
    const back = await plain.load({ dir: path });
    expectClose(await logpOf(back), expected, 0.05);
    expect(TEXTS.map((text) => [...back.tokenizer.encode(text)])).toEqual(
      TEXTS.map((text) => [...trained.tokenizer.encode(text)]),
    );
    await plain.close();
  }, 300_000);

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
