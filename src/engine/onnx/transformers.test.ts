import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { Sampler } from './decode/sampler.ts';
import { parameterSpecs, toDiskTensors } from './decoder/parameters.ts';
import { createOnnxEngine, type OnnxEngine } from './engine.ts';
import { LayeredScorer } from './score/layered-scorer.ts';
import { Scorer } from './score/scorer.ts';
import { readTransformersFixture, transformersFixtures } from './testing/transformers-fixtures.ts';
import { ParameterStore } from './weights/parameter-store.ts';

const engines = {
  whole: createOnnxEngine({ threads: 1, spinning: false, execution: 'whole' }),
  layers: createOnnxEngine({ threads: 1, spinning: false, execution: 'layers' }),
};
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.close();
});

/**
 * Temperature for nearly greedy sampling: with a logit margin of 2e-3, the second best token has a relative
 * probability of e^-200.
 */
const ALMOST_ARGMAX = 1e-5;

const largest = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Ways to run a model: as one graph; layer by layer with all activations saved; layer by layer with all
 * activations recomputed.
 */
const WAYS = [
  { way: 'as one graph', execution: 'whole', activationBytes: 0 },
  { way: 'layer by layer', execution: 'layers', activationBytes: 2 ** 30 },
  { way: 'layer by layer, recomputing', execution: 'layers', activationBytes: 0 },
] as const;

async function parts(name: string, engine: OnnxEngine) {
  const fixture = readTransformersFixture(name);
  const specs = parameterSpecs(fixture.config);
  const sessions = await engine.sessions(fixture.config);
  const parameters = new ParameterStore(sessions.runtime, specs, fixture.weights);
  return { ...fixture, specs, sessions, parameters };
}

it('has fixtures of all families', () => {
  expect(transformersFixtures().length).toBeGreaterThanOrEqual(13);
});

describe.each(transformersFixtures())('%s computes what Transformers computes', (name) => {
  it.each(WAYS)('log-probabilities and gradients of ragged messages $way', async (way) => {
    const { specs, sessions, parameters, ...expected } = await parts(name, engines[way.execution]);
    // the limits cause several padded batches and several slices of the vocabulary
    const headLimits = { sliceElements: 900 };
    const layered = { sessions, weights: parameters, parameters, tokenBudget: 80, headLimits };
    const scorer =
      way.execution === 'whole'
        ? new Scorer(sessions, parameters, 80)
        : new LayeredScorer({ ...layered, activationBytes: way.activationBytes });
    const params = { temperature: expected.temperature };
    const { logp } = await scorer.backward(expected.sequences, expected.cotangents, params);
    for (const rows of [logp, await scorer.forward(expected.sequences, params)])
      rows.forEach((row, s) => {
        expect(row.length).toBe(expected.logp[s]?.length);
        row.forEach((value, t) => {
          expect(Math.abs(value - (expected.logp[s]?.[t] as number)), `token ${t} of ${s}`).toBeLessThan(
            1e-4,
          );
        });
      });
    const gradients = toDiskTensors(specs, parameters.gradients());
    expect(gradients.map((tensor) => tensor.name).sort()).toEqual([...expected.gradients.keys()].sort());
    const sizes = new Map([...expected.gradients].map(([tensor, values]) => [tensor, largest(values)]));
    // without RoPE, a key bias shifts all scores of a row equally, so its gradient is 0 up to rounding
    const rounding = 1e-5 * largest(Float32Array.from(sizes.values()));
    for (const { name: tensor, values } of gradients) {
      const wanted = expected.gradients.get(tensor) as Float32Array;
      const size = sizes.get(tensor) as number;
      const error = largest(values.map((value, i) => value - (wanted[i] as number)));
      expect(error, tensor).toBeLessThan(size < rounding ? rounding : 1e-3 * size);
    }
    expect([...sizes.values()].filter((size) => size < rounding).length).toBeLessThanOrEqual(2);
  });

  it.each(['whole', 'layers'] as const)('a greedy continuation, contexts run %s', async (execution) => {
    const { sessions, parameters, greedy } = await parts(name, engines[execution]);
    const sampler = new Sampler({ sessions, weights: parameters, slots: 2, endTokens: [], tokenBudget: 256 });
    const completions = await sampler.sample(
      greedy.map(({ context }, i) => ({ context, stream: randomStream(1, i) })),
      { temperature: ALMOST_ARGMAX, maxTokens: greedy[0]?.tokens.length as number },
    );
    expect(completions.map(({ tokens }) => [...tokens])).toEqual(greedy.map(({ tokens }) => [...tokens]));
  });
});
