import { afterAll, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { parameterSpecs } from '../decoder/parameters.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { ParameterStore } from '../weights/parameter-store.ts';
import { LmHead } from './lm-head.ts';

const engine = createOnnxEngine({ threads: 1, execution: 'layers' });
afterAll(() => engine.close());

it('frees kept logits in the second pass', async () => {
  const config = tinyConfig({});
  const sessions = await engine.sessions(config);
  const store = new ParameterStore(sessions.runtime, parameterSpecs(config), tinyWeights(config));
  const head = new LmHead(sessions, { sliceElements: 15, keptElements: 50 });
  const stream = randomStream(4);
  const h = Float32Array.from({ length: 3 * config.hiddenSize }, () => stream.normal());
  const side = { h: sessions.runtime.float32(h, [3, config.hiddenSize]), weights: store.tensors() };
  const targets = BigInt64Array.of(2n, 7n, 21n);
  const statistics = await head.statistics(targets, { side }, { temperature: 1, keep: true });
  expect(statistics.kept).toHaveLength(3); // each slice has 3 x 5 logits, and at most 50 logits are kept
  const loss = { cotangents: Float32Array.of(1, -1, 0.5) };
  const { dh } = await head.gradient(targets, { side, statistics, temperature: 1 }, loss);
  expect(statistics.kept).toEqual([]);
  const again = await head.statistics(targets, { side }, { temperature: 1 });
  expect(again.kept).toEqual([]);
  expect((await head.gradient(targets, { side, statistics: again, temperature: 1 }, loss)).dh).toEqual(dh);
});
