import { describe, expect, it } from 'vitest';
import type { Model, SampleRequest, Sequence } from '../engine/engine.ts';
import { type MeasureOptions, measurePasses, measureSampling } from './measure-passes.ts';

/** Seconds per micro-batch, token and pair of tokens of the machine that the test imitates. */
const FORWARD = { call: 0.05, token: 0.004, pair: 1e-6 };
const BACKWARD = { call: 0.2, token: 0.01, pair: 3e-6 };
const STEP = 0.06;
const ROW = 0.005;

/** A model whose calls advance a clock by known costs. `longest` is the number of tokens of the largest batch. */
function imitation() {
  let now = 0;
  const seen = { longest: 0, calls: 0 };
  const spend = ({ call, token, pair }: typeof FORWARD, sequences: readonly Sequence[], factor = 1): void => {
    const lengths = sequences.map(({ context, tokens }) => context.length + tokens.length - 1);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    now += factor * (call + lengths.reduce((sum, length) => sum + length * (token + pair * length), 0));
    seen.longest = Math.max(seen.longest, total);
    seen.calls++;
  };
  const model = {
    async forward(sequences: readonly Sequence[]) {
      spend(FORWARD, sequences);
    },
    async backward(sequences: readonly Sequence[], _: unknown, { kl }: { readonly kl?: unknown }) {
      spend(BACKWARD, sequences, kl === undefined ? 1 : 1.5);
    },
    async divergence(sequences: readonly Sequence[]) {
      spend(FORWARD, sequences, 2.4);
    },
    async step() {
      now += 0.7;
    },
    async snapshot() {
      now += 0.3;
      return 'snapshot';
    },
    release() {},
    async sample(requests: readonly SampleRequest[], { maxTokens }: { readonly maxTokens: number }) {
      const contexts = new Map(requests.map(({ context }) => [context.join(), context]));
      const prefilled = [...contexts.values()].map((context) => ({ context, tokens: Int32Array.of(0) }));
      spend({ ...FORWARD, pair: 0 }, prefilled);
      now += (maxTokens - 1) * (STEP + ROW * requests.length);
      return requests.map(() => ({ tokens: new Int32Array(maxTokens), finish: 'length' }));
    },
  } as unknown as Model; // the measurement calls no other method
  return { model, seen, clock: () => now };
}

function optionsFor(clock: () => number, more: Partial<MeasureOptions> = {}): MeasureOptions {
  return {
    vocabulary: Int32Array.from({ length: 30 }, (_, k) => k),
    vocabSize: 30,
    ...{ contextTokens: 150, messageTokens: 50, temperature: 1, budget: 4096, needsFull: true },
    shape: { pairShare: 1e-4, cacheShare: 1e-4 },
    ...{ seconds: 60, enoughSeconds: 0.2, clock },
    ...more,
  };
}

describe('measured passes', () => {
  it('recover affine costs from small batches', async () => {
    const { model, seen, clock } = imitation();
    const rates = await measurePasses(model, optionsFor(clock, { contextTokens: 1500, messageTokens: 500 }));
    const near = ({ call, token, pair }: typeof FORWARD) => ({
      call: expect.closeTo(call, 6),
      token: expect.closeTo(token, 6),
      pair: expect.closeTo(pair, 9),
    });
    expect(rates).toMatchObject({ forward: near(FORWARD), backward: near(BACKWARD) });
    expect(rates.step).toBeCloseTo(0.7);
    expect(rates.snapshot).toBeCloseTo(0.3);
    const at = (cost: typeof FORWARD): number => cost.call + 1000 * (cost.token + cost.pair * 100);
    expect(at(rates.divergence) / at(FORWARD)).toBeCloseTo(2.4, 2);
    expect(at(rates.fullBackward) / at(BACKWARD)).toBeCloseTo(1.5, 1);
    // far less than the micro-batches of 4096 tokens of the run
    expect(seen.longest).toBeLessThan(500);
    expect(clock()).toBeLessThan(60);
  });

  it('use batches that fit into the time, but never smaller than 16 tokens', async () => {
    const tokensWithin = async (seconds: number): Promise<number> => {
      const { model, seen, clock } = imitation();
      await measurePasses(model, optionsFor(clock, { seconds }));
      return seen.longest;
    };
    expect(await tokensWithin(200)).toBeGreaterThan(2 * (await tokensWithin(60)));
    expect(await tokensWithin(0)).toBe(48);
  });

  it('are no larger than the micro-batches of the run', async () => {
    const { model, seen, clock } = imitation();
    await measurePasses(model, optionsFor(clock, { seconds: 1e6, budget: 300 }));
    expect(seen.longest).toBeLessThanOrEqual(300);
    expect(seen.longest).toBeGreaterThan(250);
  });

  it('derive passes with a KL term if the run has none', async () => {
    const { model, clock } = imitation();
    const { forward, backward, fullBackward } = await measurePasses(
      model,
      optionsFor(clock, { needsFull: false }),
    );
    expect(fullBackward.token).toBeCloseTo(forward.token + backward.token, 9);
  });

  it('stop at the signal', async () => {
    const { model, clock } = imitation();
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(measurePasses(model, optionsFor(clock, { signal }))).rejects.toThrow('stopped');
    await expect(measureSampling(model, optionsFor(clock, { signal }))).rejects.toThrow('stopped');
  });
});

it('measured sampling recovers the costs of prefill, step and row', async () => {
  const { model, clock } = imitation();
  const { prefill, step, row, cached } = await measureSampling(model, optionsFor(clock));
  expect(prefill.call).toBeCloseTo(FORWARD.call, 6);
  expect(prefill.token + prefill.pair * 48).toBeCloseTo(FORWARD.token, 6);
  expect(step).toBeCloseTo(STEP, 6);
  expect(row).toBeCloseTo(ROW, 6);
  expect(cached).toBeCloseTo(STEP * 1e-4, 9);
});
