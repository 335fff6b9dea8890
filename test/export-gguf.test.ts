/**
 * Exports tiny models of all architectures as GGUF files. The files are read back by troupe, and by llama.cpp if a Python
 * with xllamacpp is found (or set by TROUPE_PYTHON).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LlamaCppCase, scored } from '../conformance/gguf/cases.ts';
import { compareWithLlamaCpp, hasLlamaCpp } from '../conformance/gguf/llama-cpp.ts';
import { randomStream } from '../src/core/rng.ts';
import type { DecoderConfig, LayerKind } from '../src/engine/onnx/decoder/config.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import type { OnnxModel } from '../src/engine/onnx/model.ts';
import { tinyConfig, tinyWeights } from '../src/engine/onnx/testing/tiny-model.ts';
import { type GgufModel, writeGgufAdapter, writeGgufModel } from '../src/export/export-gguf.ts';
import { tinyByteTokenizer } from '../src/export/testing/byte-tokenizer.ts';
import { openGgufWeights } from '../src/gguf/weight-files.ts';
import { storedValues, type WrittenType, writtenType } from '../src/gguf/write-values.ts';
import { openWeightFiles } from '../src/support/weight-files.ts';

const isCompared = hasLlamaCpp();
/** Tolerance for float32 files, nats: sums in another order; llama.cpp's GELU of Gemma is a table of float16 numbers. */
const toleranceOf = (name: string): number => (name.startsWith('gemma') ? 1e-2 : 2e-4);

const LENGTH = 20;
const SHAPE = { hiddenSize: 32, heads: 4, kvHeads: 2, headDim: 8, intermediateSize: 64, layers: 3 };

const sliding = (layers: number, every: number, rope: LayerKind['rope']): LayerKind[] =>
  Array.from({ length: layers }, (_, l) =>
    (l + 1) % every === 0 ? { sliding: false, rope: 'global' } : { sliding: true, rope },
  );

const LLAMA3 = {
  kind: 'llama3',
  factor: 8,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalPositions: 16,
} as const;
const YARN = {
  kind: 'yarn',
  factor: 4,
  betaFast: 32,
  betaSlow: 1,
  attentionFactor: 0.1 * Math.log(4) + 1,
  originalPositions: 16,
  truncate: true,
} as const;

const MODELS: Readonly<Record<string, Partial<DecoderConfig>>> = {
  llama: { architecture: 'LlamaForCausalLM' },
  'llama with biases, llama3 positions and its own output': {
    architecture: 'LlamaForCausalLM',
    biases: { qkv: true, o: true, mlp: true },
    ropeScaling: LLAMA3,
    tiedEmbeddings: false,
  },
  mistral: {
    architecture: 'MistralForCausalLM',
    layerKinds: [1, 2, 3].map(() => ({ sliding: true, rope: 'global' })),
    slidingWindow: LENGTH + 4,
  },
  'qwen2 with yarn': {
    architecture: 'Qwen2ForCausalLM',
    biases: { qkv: true, o: false, mlp: false },
    ropeScaling: YARN,
  },
  qwen3: { architecture: 'Qwen3ForCausalLM' },
  gemma2: {
    architecture: 'Gemma2ForCausalLM',
    layers: 4,
    layerKinds: sliding(4, 2, 'global'),
    slidingWindow: 6,
    attentionSoftcap: 50,
    logitSoftcap: 30,
    queryScalar: 8,
  },
  'gemma3 with linear positions': {
    architecture: 'Gemma3ForCausalLM',
    layers: 7,
    layerKinds: sliding(7, 6, 'local'),
    slidingWindow: 6,
    ropeTheta: 1e6,
    localRopeTheta: 1e4,
    queryScalar: 8,
    ropeScaling: { kind: 'linear', factor: 4 },
  },
  smollm3: {
    architecture: 'SmolLM3ForCausalLM',
    layers: 4,
    layerKinds: [1, 2, 3, 4].map((l) => ({ sliding: false, rope: l === 4 ? 'none' : 'global' })),
  },
};

const engine = createOnnxEngine({ threads: 1, spinning: false });
const lora = createOnnxEngine({
  threads: 1,
  spinning: false,
  lora: { r: 3, alpha: 6, targetModules: 'all-linear', rslora: true },
});
const tokenizer = tinyByteTokenizer();
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-export-gguf-'));
});
afterAll(async () => {
  await engine.close();
  await lora.close();
  rmSync(dir, { recursive: true });
});

function configOf(name: string): DecoderConfig {
  return tinyConfig({ ...SHAPE, vocabSize: tokenizer.vocabSize, maxPositions: 64, ...MODELS[name] });
}

/** Saves a tiny model. @returns its folder */
async function saved(name: string): Promise<string> {
  const config = configOf(name);
  const model = await engine.fromCheckpoint({ config, weights: tinyWeights(config), tokenizer }, name);
  const folder = join(dir, name);
  await model.save(folder);
  return folder;
}

function written(name: string, whole: string, type: WrittenType, extra: Partial<GgufModel> = {}): string {
  const path = join(dir, `${name} ${type} ${Object.keys(extra).join()}.gguf`);
  const described = { decoder: configOf(name), endTokens: [0], addsBegin: false };
  writeGgufModel(path, { name, whole, described, type, ...extra });
  return path;
}

const prompts = (): Int32Array[] => {
  const stream = randomStream(11);
  const ids = Int32Array.from({ length: LENGTH }, () => 1 + stream.int(tokenizer.vocabSize - 1));
  return [1, 2, 7, 13, LENGTH].map((length) => ids.subarray(0, length));
};

async function logpOf(model: OnnxModel): Promise<number[]> {
  const [ids = new Int32Array()] = prompts().slice(-1);
  const sequence = { context: ids.slice(0, 1), tokens: ids.slice(1) };
  return [...((await model.forward([sequence], { temperature: 1 }))[0] ?? [])];
}

describe.each(Object.keys(MODELS))('%s', (name) => {
  it('is read back with the same weights and log-probabilities', async () => {
    const folder = await saved(name);
    const source = openWeightFiles(folder);
    for (const type of ['F32', 'F16', 'BF16', 'Q8_0'] as const) {
      const path = written(name, folder, type);
      const back = openGgufWeights(path);
      const plusOne = /^gemma/.test(name);
      for (const [tensor, { shape }] of source.tensors) {
        const values = source.read(tensor)?.values as Float32Array;
        const expected = storedValues(values, writtenType(shape, type));
        const got = back.read(tensor)?.values as Float32Array;
        // adding 1 to a norm weight in float32 rounds it
        if (plusOne && tensor.endsWith('norm.weight'))
          got.forEach((value, i) => {
            expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-6);
          });
        else expect(got, tensor).toEqual(expected);
      }
      expect([...back.tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort());
      back.close();
    }
    source.close();
    const exact = await logpOf(await engine.load({ dir: folder }));
    const read = await logpOf(await engine.load({ dir: written(name, folder, 'F32') }));
    read.forEach((value, i) => {
      expect(Math.abs(value - (exact[i] as number))).toBeLessThan(1e-4);
    });
  });
});

it.skipIf(!isCompared)(
  'gives the same log-probabilities in llama.cpp, for every architecture',
  async () => {
    const cases: LlamaCppCase[] = [];
    for (const name of Object.keys(MODELS)) {
      const folder = await saved(name);
      const model = await engine.load({ dir: folder });
      const rows = await scored(model, prompts(), ['a+b = 1\n', ' ünder_score', '12  345']);
      cases.push({ name, model: written(name, folder, 'F32'), tolerance: toleranceOf(name), ...rows });
    }
    expect(compareWithLlamaCpp(cases, dir).trim().split('\n')).toHaveLength(cases.length);
  },
  300_000,
);

describe('an adapter', () => {
  it.skipIf(!isCompared)(
    'gives the same log-probabilities in llama.cpp as a LoRA file and merged',
    async () => {
      const cases: LlamaCppCase[] = [];
      for (const name of ['llama', 'qwen3', 'gemma3 with linear positions']) {
        const base = await saved(name);
        const model = await lora.load({ dir: base });
        const [ids = new Int32Array()] = prompts().slice(-1);
        const sequence = { context: ids.slice(0, 1), tokens: ids.slice(1) };
        const untrained = await logpOf(model);
        for (let step = 0; step < 3; step++) {
          await model.backward([sequence], [new Float32Array(LENGTH - 1).fill(-1)], { temperature: 1 });
          await model.step({
            ...{ learningRate: 0.05, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
          });
        }
        const trained = await logpOf(model);
        expect(Math.abs((trained[3] as number) - (untrained[3] as number))).toBeGreaterThan(0.1);
        const adapter = join(dir, `${name} adapter`);
        await model.save(adapter);
        const rows = await scored(model, prompts(), []);
        const path = join(dir, `${name} lora.gguf`);
        writeGgufAdapter(path, adapter, { name, decoder: configOf(name) });
        const whole = written(name, base, 'F32');
        const merged = written(name, base, 'F32', { adapter });
        cases.push({
          name: `${name} adapter`,
          model: whole,
          lora: path,
          tolerance: toleranceOf(name),
          ...rows,
        });
        cases.push({ name: `${name} merged`, model: merged, tolerance: toleranceOf(name), ...rows });
      }
      expect(compareWithLlamaCpp(cases, dir).trim().split('\n')).toHaveLength(cases.length);
    },
    300_000,
  );
});

it('refuses models that llama.cpp does not compute, and leaves nothing', async () => {
  const folder = await saved('qwen3');
  const described = (changes: Partial<DecoderConfig>) => ({
    decoder: { ...configOf('qwen3'), ...changes },
    endTokens: [0],
    addsBegin: false,
  });
  const path = join(dir, 'refused.gguf');
  const write = (changes: Partial<DecoderConfig>) => (): readonly number[] =>
    writeGgufModel(path, { name: 'x', whole: folder, described: described(changes), type: 'F32' });
  expect(write({ biases: { qkv: true, o: false, mlp: false } })).toThrow(/got qwen3 with biases/);
  expect(write({ architecture: 'Gemma3ForCausalLM', queryScalar: 99 })).toThrow(/query_pre_attn_scalar 99/);
  expect(() => readFileSync(path)).toThrow(/ENOENT/);
});
