/**
 * Compares a mixture of two models of engine torch, as `troupe swap` creates it, with the same mixture of the
 * embedded engine.
 */
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { randomStream } from '../src/core/rng.ts';
import type { Engine } from '../src/engine/engine.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../src/engine/onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../src/engine/onnx/weights/checkpoint.ts';
import { describeWithTorch, testEngine, withWorker } from '../src/engine/torch/testing/python.ts';
import { MixtureModel } from '../src/swap/mixture-model.ts';

const SHAPES = {
  incumbent: {},
  replacement: { layers: 3, hiddenSize: 16, intermediateSize: 20, headDim: 6 },
} as const;
const TEMPERATURE = 0.9;

describeWithTorch('a mixture on PyTorch', () => {
  const engine = testEngine({ tokenBudget: 256 });
  const folder = withWorker(engine);
  const onnx = createOnnxEngine({ threads: 1, spinning: false });
  afterAll(() => onnx.close());

  async function mixture(on: Engine): Promise<MixtureModel> {
    const components = [];
    for (const name of ['incumbent', 'replacement'] as const) {
      const config = tinyConfig(SHAPES[name]);
      const dir = join(folder, name);
      saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
      components.push(await on.load({ dir }));
    }
    return new MixtureModel({
      incumbent: components[0]!,
      replacement: components[1]!,
      steps: [0.02, 0.01],
      slots: 5,
    });
  }

  it('has the samples, scores and steps of the embedded engine', async () => {
    const run = async (on: Engine) => {
      const model = await mixture(on);
      const requests = Array.from({ length: 16 }, (_, m) => ({
        context: model.tokenizer.encodeChat([{ role: 'user', content: `${m % 7}+${m % 3}=` }]),
        stream: randomStream(3, m),
      }));
      const messages = await model.sample(requests, { temperature: TEMPERATURE, maxTokens: 9 });
      const sequences = messages.map(({ tokens }, m) => ({ context: requests[m]!.context, tokens }));
      const params = { temperature: TEMPERATURE };
      const before = await model.snapshot();
      model.handover?.advance(0.03);
      const { klNewOld } = await model.divergence(sequences, before, params);
      return {
        words: messages.map(({ tokens, finish }) => [...tokens, finish]),
        logp: await model.forward(sequences, params),
        weights: (await model.handover?.weights(sequences, params)) ?? [],
        kl: klNewOld,
      };
    };
    const [here, there] = [await run(onnx), await run(engine)];
    expect(there.words).toEqual(here.words);
    for (const [key, limit] of [
      ['logp', 1e-4],
      ['weights', 1e-3],
      ['kl', 1e-5],
    ] as const) {
      const wanted = here[key].flatMap((row) => [...row]);
      const found = there[key].flatMap((row) => [...row]);
      expect(found, key).toHaveLength(wanted.length);
      expect(Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!))), key).toBeLessThan(limit);
    }
    expect(Math.max(...here.kl.flatMap((row) => [...row]))).toBeGreaterThan(0.01);
  });
});
