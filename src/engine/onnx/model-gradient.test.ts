import { expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Sequence } from '../engine.ts';
import type { DecoderConfig } from './decoder/config.ts';
import { parameterSpecs } from './decoder/parameters.ts';
import { buildSequenceGraph, GRADIENT_PREFIX } from './decoder/training-graph.ts';
import { createOnnxEngine } from './engine.ts';
import { Scorer } from './score/scorer.ts';
import { tinyConfig, tinyWeights } from './testing/tiny-model.ts';
import { ParameterStore } from './weights/parameter-store.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false });

/** Creates sequences of different lengths, so that the test covers padding and several batches. */
function raggedSequences(config: DecoderConfig): Sequence[] {
  const stream = randomStream(8);
  const draw = (length: number) => Int32Array.from({ length }, () => stream.int(config.vocabSize));
  return [
    { context: draw(3), tokens: draw(4) },
    { context: draw(1), tokens: draw(1) },
    { context: draw(7), tokens: draw(2) },
    { context: draw(2), tokens: new Int32Array() },
    { context: draw(5), tokens: draw(6) },
  ];
}

it.each([
  { name: 'grouped queries, tied', changes: {}, kl: false },
  { name: 'plain heads, untied', changes: { kvHeads: 6, tiedEmbeddings: false }, kl: false },
  { name: 'with the exact-KL term', changes: {}, kl: true },
])(
  'the full model: the gradient of every parameter matches central differences ($name)',
  async ({ changes, kl }) => {
    const config = tinyConfig(changes);
    const sessions = await engine.sessions(config);
    const specs = parameterSpecs(config);
    const store = new ParameterStore(sessions.runtime, specs, tinyWeights(config));
    const scorer = new Scorer(sessions, store, 24);
    const sequences = raggedSequences(config);
    const stream = randomStream(9);
    const cotangents = sequences.map(({ tokens }) => Float32Array.from(tokens, () => stream.normal()));
    const params = { temperature: 0.7 };
    const reference = store.snapshot();
    const weights = store.weights();
    // move the weights away from the reference, at which the gradient of the KL term is 0
    if (kl)
      for (const values of weights.values())
        for (let i = 0; i < values.length; i++) values[i]! += 0.03 * stream.normal();
    const weight = 0.3;

    const loss = async (): Promise<number> => {
      const logp = await scorer.forward(sequences, params);
      const policy = logp.reduce(
        (sum, row, s) => sum + row.reduce((part, v, t) => part + v * cotangents[s]![t]!, 0),
        0,
      );
      if (!kl) return policy;
      const { klNewOld } = await scorer.divergence(sequences, reference, params);
      return policy + weight * klNewOld.reduce((sum, row) => sum + row.reduce((part, v) => part + v, 0), 0);
    };

    const gradients = new Map(
      specs.map((spec) => [spec.name, new Float32Array(weights.get(spec.name)!.length)]),
    );
    store.addGradients = (gradient) => {
      for (const [name, sum] of gradients)
        gradient(name).forEach((value, i) => {
          sum[i]! += value;
        });
    };
    await scorer.backward(sequences, cotangents, kl ? { ...params, kl: { reference, weight } } : params);

    for (const spec of specs) {
      const values = weights.get(spec.name)!;
      const gradient = gradients.get(spec.name)!;
      // check two directional derivatives: along a random direction, and along the largest entry of the
      // gradient
      const largest = gradient.reduce(
        (best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best),
        0,
      );
      for (const direction of [
        values.map(() => stream.normal()),
        values.map((_, i) => (i === largest ? 1 : 0)),
      ]) {
        const norm = Math.sqrt(direction.reduce((sum, d) => sum + d * d, 0));
        const step = 1e-3 / norm;
        const original = values.slice();
        const at = async (by: number): Promise<number> => {
          values.forEach((_, i) => {
            values[i] = original[i]! + by * direction[i]!;
          });
          return loss();
        };
        const numeric = ((await at(step)) - (await at(-step))) / (2 * step);
        values.set(original);
        const exact = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
        const scale = Math.sqrt(gradient.reduce((sum, g) => sum + g * g, 0)) * norm;
        expect(Math.abs(exact - numeric), spec.name).toBeLessThan(5e-3 * scale + 2e-3 * norm);
      }
    }
  },
);

it('has one gradient output per parameter', () => {
  const text = new TextDecoder('latin1').decode(
    buildSequenceGraph(tinyConfig(), { gradients: true, kl: false, rows: false }),
  );
  for (const spec of parameterSpecs(tinyConfig())) expect(text).toContain(GRADIENT_PREFIX + spec.name);
});
