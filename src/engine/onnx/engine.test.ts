import { expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { createOnnxEngine } from './engine.ts';
import { floatData, type Tensor } from './runtime.ts';
import { tinyConfig, tinyModel } from './testing/tiny-model.ts';

const sample = { temperature: 1, maxTokens: 4 };
const request = () => [{ context: Int32Array.of(1, 7), stream: randomStream(111) }];

it('compiles an architecture once, also for models that are made at the same time', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const [first, second] = await Promise.all([engine.sessions(tinyConfig()), engine.sessions(tinyConfig())]);
  expect(first).toBe(second);
  expect(await first.prefill()).toBe(await second.prefill());
  expect(await engine.sessions(tinyConfig({ layers: 1 }))).not.toBe(first);
  await engine.close();
});

it('can be used again after it was closed', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const model = await tinyModel(engine);
  const before = await model.sample(request(), sample);
  await engine.close();
  expect(await (await tinyModel(engine)).sample(request(), sample)).toEqual(before);
  await engine.close();
});

it('keeps models apart that share their graphs', async () => {
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

it('grows rotary tables as positions are asked for, and changes none', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const sessions = await engine.sessions(tinyConfig({ maxPositions: 1000 }));
  const cos = (positions: number, of = sessions) => of.ropes.feeds(positions).rope_cos as Tensor;
  const small = cos(3);
  expect(small.dims[0]).toBe(256);
  expect(cos(256)).toBe(small);
  const large = cos(600);
  expect(large.dims[0]).toBe(1000); // no further than the model goes
  expect(floatData(large).slice(0, small.size)).toEqual(floatData(small));
  expect(cos(1, await engine.sessions(tinyConfig({ maxPositions: 10 }))).dims[0]).toBe(10);
});

it('says what is wrong with cotangents before it runs anything', async () => {
  const engine = createOnnxEngine({ threads: 1, spinning: false });
  const model = await tinyModel(engine);
  const sequence = { context: Int32Array.of(1), tokens: Int32Array.of(9, 8) };
  await expect(model.backward([sequence], [], sample)).rejects.toThrow('expected 1 cotangent rows, got 0');
  await expect(model.backward([sequence], [[1]], sample)).rejects.toThrow(
    'expected 2 cotangents for sequence 0, got 1',
  );
});
