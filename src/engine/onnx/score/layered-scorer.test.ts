import { afterAll, describe, expect, it, vi } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import type { AdamWParams, Sequence, SnapshotId } from '../../engine.ts';
import { parameterSpecs } from '../decoder/parameters.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { ParameterStore } from '../weights/parameter-store.ts';
import { LayeredScorer } from './layered-scorer.ts';
import { Scorer } from './scorer.ts';

const [whole, layers] = (['whole', 'layers'] as const).map((execution) =>
  createOnnxEngine({ threads: 1, spinning: false, execution }),
) as [ReturnType<typeof createOnnxEngine>, ReturnType<typeof createOnnxEngine>];
afterAll(async () => {
  await whole.close();
  await layers.close();
});

const changes = [
  { name: 'tied', config: {} },
  {
    name: 'untied, scaled, capped',
    config: {
      architecture: 'Gemma2ForCausalLM',
      tiedEmbeddings: false,
      logitSoftcap: 3,
      attentionSoftcap: 2,
      slidingWindow: 4,
      layerKinds: [
        { sliding: true, rope: 'global' },
        { sliding: false, rope: 'global' },
      ],
    },
  },
] as const;

const ADAMW: AdamWParams = {
  ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 },
};

/**
 * Creates two scorers, one for a single graph and one that runs layer by layer. They have equal parameters,
 * which differ from those of their snapshots.
 */
async function pair(config: Parameters<typeof tinyConfig>[0], activationBytes: number) {
  const full = tinyConfig(config);
  const stores = await Promise.all(
    [whole, layers].map(async (engine) => {
      const sessions = await engine.sessions(full);
      const parameters = new ParameterStore(sessions.runtime, parameterSpecs(full), tinyWeights(full));
      const reference = parameters.snapshot();
      const stream = randomStream(3);
      for (const values of parameters.weights().values())
        for (let i = 0; i < values.length; i++) values[i]! += 0.03 * stream.normal();
      return { sessions, parameters, reference };
    }),
  );
  const [one, other] = stores as [(typeof stores)[0], (typeof stores)[0]];
  const scorer = new Scorer(one.sessions, one.parameters, 24);
  const fresh = (): LayeredScorer =>
    new LayeredScorer({
      sessions: other.sessions,
      weights: other.parameters,
      parameters: other.parameters,
      tokenBudget: 24,
      activationBytes,
      // vocabulary slices are small; some logits are kept between the passes, the others are recomputed
      pairCost: 0, // contexts share rows wherever the budget permits it
      headLimits: { sliceElements: 40, keptElements: activationBytes === 0 ? 0 : 100 },
    });
  return { config: full, one, other, scorer, layered: fresh(), fresh };
}

function sequences(vocabSize: number): Sequence[] {
  const stream = randomStream(8);
  const draw = (length: number) => Int32Array.from({ length }, () => stream.int(vocabSize));
  return [
    { context: draw(3), tokens: draw(4) },
    { context: draw(1), tokens: draw(1) },
    { context: draw(2), tokens: new Int32Array() },
    { context: draw(9), tokens: draw(6) },
    ...grouped(draw(4), [draw(3), draw(2), draw(1)]),
    ...grouped(draw(5), [draw(2), draw(2)]),
  ];

  /** Messages with one context, and a message whose context continues it. */
  function grouped(context: Int32Array, messages: readonly Int32Array[]): Sequence[] {
    const longer = { context: Int32Array.from([...context, ...draw(2)]), tokens: draw(2) };
    return [...messages.map((tokens) => ({ context, tokens })), longer];
  }
}

function expectRows(got: readonly Float32Array[], wanted: readonly Float32Array[], tolerance: number): void {
  expect(got.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length));
  got.forEach((row, s) => {
    row.forEach((value, t) => {
      expect(Math.abs(value - (wanted[s]?.[t] as number)), `${t} of ${s}`).toBeLessThan(tolerance);
    });
  });
}

describe.each(changes)('layer by layer, slice by slice ($name)', ({ config }) => {
  it.each([0, 1500, 2 ** 30])(
    'matches the gradients of one graph, including the exact KL term (%i bytes of saved activations)',
    async (bytes) => {
      const { config: full, one, other, scorer, layered } = await pair(config, bytes);
      const messages = sequences(full.vocabSize);
      const stream = randomStream(9);
      const cotangents = messages.map(({ tokens }) => Float32Array.from(tokens, () => stream.normal()));
      const params = { temperature: 0.7 };
      const withKl = (reference: typeof one.reference) => ({ ...params, kl: { reference, weight: 0.3 } });
      const wanted = await scorer.backward(messages, cotangents, withKl(one.reference));
      const got = await layered.backward(messages, cotangents, withKl(other.reference));
      expectRows(got.logp, wanted.logp, 1e-5);
      expectRows(got.kl as Float32Array[], wanted.kl as Float32Array[], 1e-5);
      for (const [name, values] of other.parameters.gradients()) {
        const expected = one.parameters.gradients().get(name) as Float32Array;
        const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
        values.forEach((value, i) => {
          expect(Math.abs(value - (expected[i] as number)) / size, name).toBeLessThan(1e-4);
        });
      }
    },
  );

  it('accumulates gradients, and starts from zero after they are cleared', async () => {
    const { config: full, other, layered } = await pair(config, 2 ** 30);
    const messages = sequences(full.vocabSize);
    const cotangents = messages.map(({ tokens }) => tokens.map((_, t) => 1 + t));
    const backward = async (): Promise<Map<string, Float32Array>> => {
      await layered.backward(messages, cotangents, { temperature: 1 });
      return new Map([...other.parameters.gradients()].map(([name, values]) => [name, values.slice()]));
    };
    const once = await backward();
    other.parameters.zeroGradients();
    expect(await backward()).toEqual(once);
    for (const [name, sum] of await backward()) {
      const values = once.get(name) as Float32Array;
      const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
      sum.forEach((value, i) => {
        expect(Math.abs(value - 2 * (values[i] as number)) / size, name).toBeLessThan(1e-5);
      });
    }
  });

  it('matches the divergences and distributions of one graph', async () => {
    const { config: full, one, other, scorer, layered } = await pair(config, 0);
    const messages = sequences(full.vocabSize);
    const params = { temperature: 0.7 };
    const wanted = await scorer.divergence(messages, one.reference, params);
    const got = await layered.divergence(messages, other.reference, params);
    for (const kind of ['klNewOld', 'klOldNew', 'tv'] as const) expectRows(got[kind], wanted[kind], 1e-5);
    const rows = async (of: Scorer | LayeredScorer) => {
      const found: Float32Array[] = [];
      await of.distributions(messages, params, (index, logp) => {
        found[index] = logp.slice();
      });
      return found.filter((row) => row !== undefined);
    };
    expectRows(await rows(layered), await rows(scorer), 1e-5);
  });

  it('gives the bytes of a new pass with states that an earlier pass kept, and only under equal weights', async () => {
    const { config: full, other, layered, fresh } = await pair(config, 0);
    const { parameters } = other;
    const messages = sequences(full.vocabSize);
    const params = { temperature: 0.7 };
    const cotangents = messages.map(({ tokens }) => tokens.map((_, t) => 1 + t));
    const step = async (): Promise<void> => {
      await layered.backward(messages, cotangents, params);
      parameters.stepAdamW(ADAMW);
    };
    /** Compares with a scorer that keeps nothing, and returns the number of layer passes it saved. */
    const savedLayers = async (start: SnapshotId): Promise<number> => {
      const layer = vi.spyOn(other.sessions, 'layer');
      const got = await layered.divergence(messages, start, params);
      const passes = layer.mock.calls.length;
      expect(got).toEqual(await fresh().divergence(messages, start, params));
      const saved = layer.mock.calls.length - 2 * passes;
      layer.mockRestore();
      return saved;
    };

    await layered.forward(messages, params);
    const start = parameters.snapshot();
    await step();
    const half = await savedLayers(start); // with the states of the forward pass
    expect(half).toBeGreaterThan(0);
    parameters.restore(start);
    await step();
    await step();
    expect(await savedLayers(start)).toBe(half); // with those of the first comparison
    expect(await savedLayers(other.reference)).toBe(0); // other weights
    const later = parameters.snapshot();
    await step();
    expect(await savedLayers(later)).toBe(0); // weights that no pass has seen
    expect(await savedLayers(start)).toBe(0); // states that another pass replaced
  });

  it('has exactly 0 divergence from itself, and exactly 0 gradient of it', async () => {
    const { config: full, other, layered } = await pair(config, 0);
    const messages = sequences(full.vocabSize);
    const cur = other.parameters.snapshot();
    const { klNewOld, klOldNew, tv } = await layered.divergence(messages, cur, { temperature: 0.7 });
    for (const row of [...klNewOld, ...klOldNew, ...tv])
      for (const value of row) expect(Math.abs(value)).toBe(0);
    const none = messages.map(({ tokens }) => tokens.map(() => 0));
    await layered.backward(messages, none, { temperature: 0.7, kl: { reference: cur, weight: 1 } });
    for (const values of other.parameters.gradients().values())
      for (const value of values) expect(Math.abs(value)).toBe(0);
  });
});
