import { afterAll, expect, it } from 'vitest';
import { logSoftmax, stateDivergence } from '../../../core/divergence.ts';
import { randomStream } from '../../../core/rng.ts';
import { parameterSpecs } from '../decoder/parameters.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { ParameterStore } from '../weights/parameter-store.ts';
import { type HeadStatistics, LmHead } from './lm-head.ts';

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

it('computes log-probabilities and divergences of 262,144 words to float32 rounding', async () => {
  const config = tinyConfig({ vocabSize: 262_144 + 37, hiddenSize: 8 });
  const sessions = await engine.sessions(config);
  const head = new LmHead(sessions);
  const { vocabSize: V, hiddenSize: D } = config;
  const stream = randomStream(8);
  // logits like those of real models: one likely word, and all other words around 20 nats below it
  const table = Float32Array.from({ length: V * D }, () => stream.normal());
  for (let v = 0; v < V; v++) table[v * D] = v === 70_000 ? 1 : 0;
  const sideOf = (scale: number) => {
    const h = Float32Array.from({ length: D }, (_, i) => (i === 0 ? 20 : scale));
    return {
      h: sessions.runtime.float32(h, [1, D]),
      weights: { embed_tokens: sessions.runtime.float32(table, [V, D]) },
    };
  };
  const logpOf = (scale: number): Float64Array =>
    logSoftmax(
      Float64Array.from({ length: V }, (_, v) => {
        let z = 20 * (table[v * D] as number);
        for (let i = 1; i < D; i++) z += Math.fround(scale) * (table[v * D + i] as number);
        return z;
      }),
    );
  const sides = { side: sideOf(0.9), reference: sideOf(0.6) };
  const [next, cur] = [logpOf(0.9), logpOf(0.6)];
  const target = 262_170; // in the remainder that does not fill a block
  const statistics = await head.statistics(BigInt64Array.of(BigInt(target)), sides, { temperature: 1 });
  expect(Math.abs((statistics.logp[0] as number) - (next[target] as number))).toBeLessThan(4e-6);
  const exact = stateDivergence(next, cur);
  expect(Math.abs((statistics.reference?.kl[0] as number) / exact.klNewOld - 1)).toBeLessThan(5e-5);
  const got = await head.divergence(sides, statistics as Required<HeadStatistics>, 1);
  expect(Math.abs((got.kl_new_cur[0] as number) / exact.klNewOld - 1)).toBeLessThan(5e-5);
  expect(Math.abs((got.kl_cur_new[0] as number) / exact.klOldNew - 1)).toBeLessThan(5e-5);
  expect(Math.abs((got.tv[0] as number) / exact.tv - 1)).toBeLessThan(5e-5);
});
