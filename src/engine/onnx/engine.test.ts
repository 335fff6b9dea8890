import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { createOnnxEngine } from './engine.ts';
import { floatData, type Tensor } from './graph/runtime.ts';
import type { OnnxModel } from './model.ts';
import { tinyConfig, tinyModel } from './testing/tiny-model.ts';

const sample = { temperature: 1, maxTokens: 4 };
const request = () => [{ context: Int32Array.of(1, 7), stream: randomStream(111) }];

it('compiles an architecture once, even for models that are created concurrently', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const [first, second] = await Promise.all([engine.sessions(tinyConfig()), engine.sessions(tinyConfig())]);
  expect(first).toBe(second);
  expect(await first.prefill()).toBe(await second.prefill());
  expect(await engine.sessions(tinyConfig({ layers: 1 }))).not.toBe(first);
  await engine.close();
});

it('can be used again after close', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const model = await tinyModel(engine);
  const before = await model.sample(request(), sample);
  await engine.close();
  expect(await (await tinyModel(engine)).sample(request(), sample)).toEqual(before);
  await engine.close();
});

it('trains models independently although they share graphs', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const [trained, other] = [await tinyModel(engine), await tinyModel(engine)];
  const sequence = { context: Int32Array.of(1, 7), tokens: Int32Array.of(9) };
  const before = await other.forward([sequence], sample);
  await trained.backward([sequence], [[-1]], sample);
  await trained.step({
    learningRate: 0.1,
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    weightDecay: 0,
    maxGradNorm: 1,
  });
  expect(await other.forward([sequence], sample)).toEqual(before);
  expect(await trained.forward([sequence], sample)).not.toEqual(before);
  await engine.close();
});

it('grows the rotary tables on demand without changing existing rows', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const sessions = await engine.sessions(tinyConfig({ maxPositions: 1000 }));
  const cos = (positions: number, of = sessions) => of.ropeCache.feeds(positions).rope_cos as Tensor;
  const small = cos(3);
  expect(small.dims[0]).toBe(256);
  expect(cos(256)).toBe(small);
  const large = cos(600);
  expect(large.dims[0]).toBe(1000); // the number of rows is limited to the model's maximum context
  expect(floatData(large).slice(0, small.size)).toEqual(floatData(small));
  expect(cos(1, await engine.sessions(tinyConfig({ maxPositions: 10 }))).dims[0]).toBe(10);
});

it('rejects cotangents of a wrong shape before it runs a graph', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const model = await tinyModel(engine);
  const sequence = { context: Int32Array.of(1), tokens: Int32Array.of(9, 8) };
  await expect(model.backward([sequence], [], sample)).rejects.toThrow('expected 1 cotangent rows, got 0');
  await expect(model.backward([sequence], [[1]], sample)).rejects.toThrow(
    'expected 2 cotangents for sequence 0, got 1',
  );
});

describe('adapters', () => {
  const lora = { r: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'], rslora: false };
  const sequence = { context: Int32Array.of(1, 7), tokens: Int32Array.of(9, 4) };
  const step = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
  const train = async (model: OnnxModel) => {
    await model.backward([sequence], [[-1, -1]], sample);
    await model.step(step);
  };
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-adapters-'));
    const engine = createOnnxEngine({ threads: 1 });
    await (await tinyModel(engine)).save(join(folder, 'base'));
    await engine.close();
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('of several agents share one base; training one changes neither the base nor the others', async () => {
    const engine = createOnnxEngine({ threads: 1, lora });
    const dir = join(folder, 'base');
    const [one, other] = await Promise.all([engine.load({ dir }), engine.load({ dir })]);
    const plain = await createOnnxEngine({ threads: 1 }).load({ dir });
    const base = await plain.forward([sequence], sample);
    const before = await other.forward([sequence], sample);
    before[0]?.forEach((value, t) => {
      expect(value).toBeCloseTo(base[0]?.[t] as number, 5); // the increment of a new adapter is 0
    });
    await train(one);
    expect(await one.forward([sequence], sample)).not.toEqual(before);
    expect(await other.forward([sequence], sample)).toEqual(before);
    expect(one.capabilities.parameters).toBe('lora');
    // each layer has (12 + 24) * 2 adapter parameters for q_proj and (10 + 12) * 2 for down_proj
    expect(one.parameterCount - plain.parameterCount).toBe(2 * (2 * (12 + 24) + 2 * (10 + 12)));
    await engine.close();
  });

  it('resume from an adapter folder with the optimizer; the base path can be relative to the folder', async () => {
    const engine = createOnnxEngine({ threads: 1, lora });
    const model = await engine.load({ dir: join(folder, 'base') });
    await train(model);
    const saved = join(folder, 'adapter');
    await model.save(saved);
    const config = JSON.parse(readFileSync(join(saved, 'adapter_config.json'), 'utf8'));
    writeFileSync(
      join(saved, 'adapter_config.json'),
      JSON.stringify({ ...config, base_model_name_or_path: '../base' }),
    );
    const again = await createOnnxEngine({ threads: 1 }).load({ dir: saved, optimizer: true });
    await train(model);
    await train(again);
    expect(await again.forward([sequence], sample)).toEqual(await model.forward([sequence], sample));
    writeFileSync(
      join(saved, 'adapter_config.json'),
      JSON.stringify({ ...config, base_model_name_or_path: '../gone' }),
    );
    await expect(engine.load({ dir: saved })).rejects.toThrow('"../gone" does not exist');
    await engine.close();
  });

  it('can be merged into a full model', async () => {
    const engine = createOnnxEngine({ threads: 1, lora });
    const model = await engine.load({ dir: join(folder, 'base') });
    await train(model);
    await model.saveMerged(join(folder, 'merged'));
    const merged = await createOnnxEngine({ threads: 1 }).load({ dir: join(folder, 'merged') });
    expect(merged.capabilities.parameters).toBe('full');
    const [wanted, got] = [await model.forward([sequence], sample), await merged.forward([sequence], sample)];
    got[0]?.forEach((value, t) => {
      expect(value).toBeCloseTo(wanted[0]?.[t] as number, 4);
    });
    await engine.close();
  });

  it('are rejected if a target module does not exist', async () => {
    const engine = createOnnxEngine({ threads: 1, lora: { ...lora, targetModules: ['q_porj'] } });
    await expect(engine.load({ dir: join(folder, 'base') })).rejects.toThrow('did you mean "q_proj"?');
  });
});
