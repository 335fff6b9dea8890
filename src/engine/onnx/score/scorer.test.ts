import { describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import type { Sequence, SnapshotId } from '../../engine.ts';
import { parameterSpecs } from '../decoder/parameters.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyWeights } from '../testing/tiny-model.ts';
import { ParameterStore } from '../weights/parameter-store.ts';
import { Scorer } from './scorer.ts';

const config = tinyConfig();
const engine = createOnnxEngine({ threads: 1, spinning: false });
const sessions = await engine.sessions(config);
const score = { temperature: 0.8 };

const stream = randomStream(91);
const draw = (length: number): Int32Array => Int32Array.from({ length }, () => stream.int(config.vocabSize));
const sequences: Sequence[] = [
  [3, 4],
  [1, 1],
  [7, 2],
  [2, 0],
  [5, 6],
  [1, 9],
  [11, 1],
].map(([context, tokens]) => ({
  context: draw(context!),
  tokens: draw(tokens!),
}));
const cotangents = sequences.map(({ tokens }) => Float32Array.from(tokens, () => stream.normal()));

const BUDGETS = [1, 12, 30, 10_000];

function fresh(tokenBudget: number): { readonly store: ParameterStore; readonly scorer: Scorer } {
  const store = new ParameterStore(sessions.runtime, parameterSpecs(config), tinyWeights(config));
  return { store, scorer: new Scorer(sessions, store, tokenBudget) };
}

/** Takes a snapshot, then changes the weights slightly. @returns the snapshot */
function moved(store: ParameterStore): SnapshotId {
  const id = store.snapshot();
  const noise = randomStream(92);
  for (const values of store.weights().values())
    for (let i = 0; i < values.length; i++) values[i]! += 0.05 * noise.normal();
  return id;
}

/**
 * Returns the accumulated gradients. A step with learning rate 0 and beta1 = 0 copies them to the first
 * moments.
 */
function gradients(store: ParameterStore): Map<string, Float32Array> {
  store.stepAdamW({ learningRate: 0, beta1: 0, beta2: 0, epsilon: 1, weightDecay: 0, maxGradNorm: Infinity });
  return new Map([...store.optimizerState().m].map(([name, values]) => [name, values.slice()]));
}

function expectClose(
  got: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
  tolerance = 2e-5,
): void {
  expect(got.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  got.forEach((row, s) => {
    for (let t = 0; t < row.length; t++) expect(Math.abs(row[t]! - expected[s]![t]!)).toBeLessThan(tolerance);
  });
}

describe('batches and padding', () => {
  it('do not change log-probabilities', async () => {
    const alone: Float32Array[] = [];
    for (const sequence of sequences) alone.push(...(await fresh(1).scorer.forward([sequence], score)));
    for (const budget of BUDGETS) expectClose(await fresh(budget).scorer.forward(sequences, score), alone);
    expect(alone[3]).toEqual(new Float32Array());
  });

  it('do not change gradients: many batches accumulate to the gradient of one batch', async () => {
    const results = [];
    for (const budget of BUDGETS) {
      const { store, scorer } = fresh(budget);
      const reference = moved(store);
      const kl = { reference, weight: 0.4 };
      const { logp, kl: divergence } = await scorer.backward(sequences, cotangents, { ...score, kl });
      results.push({ logp, divergence: divergence!, gradient: gradients(store) });
    }
    const [one, ...others] = results.reverse();
    for (const other of others) {
      expectClose(other.logp, one!.logp);
      expectClose(other.divergence, one!.divergence);
      for (const [name, gradient] of one!.gradient) {
        const scale = Math.max(...gradient.map(Math.abs));
        expect(scale, name).toBeGreaterThan(0);
        expectClose([other.gradient.get(name)!], [gradient], 2e-5 * Math.max(1, scale));
      }
    }
  });

  it('do not change divergences', async () => {
    const results = [];
    for (const budget of BUDGETS) {
      const { store, scorer } = fresh(budget);
      results.push(await scorer.divergence(sequences, moved(store), score));
    }
    for (const { klNewOld, klOldNew, tv } of results) {
      expectClose(klNewOld, results[0]!.klNewOld);
      expectClose(klOldNew, results[0]!.klOldNew);
      expectClose(tv, results[0]!.tv);
    }
    expect(Math.min(...results[0]!.klNewOld.flatMap((row) => [...row]))).toBeGreaterThan(0);
  });
});

describe('backward', () => {
  it('has zero gradient for zero cotangents', async () => {
    const { store, scorer } = fresh(30);
    await scorer.backward(
      sequences,
      cotangents.map((row) => row.map(() => 0)),
      score,
    );
    for (const gradient of gradients(store).values()) expect(gradient.every((g) => g === 0)).toBe(true);
  });

  it('returns the KL that divergence computes', async () => {
    const { store, scorer } = fresh(30);
    const reference = moved(store);
    const zeros = cotangents.map((row) => row.map(() => 0));
    const { kl } = await scorer.backward(sequences, zeros, { ...score, kl: { reference, weight: 1 } });
    const { klNewOld } = await scorer.divergence(sequences, reference, score);
    expectClose(kl!, klNewOld);
  });

  it('returns NaN for NaN weights instead of throwing', async () => {
    const { store, scorer } = fresh(30);
    store.weights().get('norm')!.fill(Number.NaN);
    const { logp } = await scorer.backward(sequences, cotangents, score);
    expect(logp.flatMap((row) => [...row]).every(Number.isNaN)).toBe(true);
    expect((await scorer.forward(sequences, score))[0]![0]).toBeNaN();
    expect((await scorer.divergence(sequences, store.snapshot(), score)).tv[0]![0]).toBeNaN();
  });
});

describe('limits', () => {
  it('accepts sequences up to the maximum context, and rejects longer ones', async () => {
    const { scorer } = fresh(100);
    const sequence = (length: number) => ({ context: draw(60), tokens: draw(length) });
    expect((await scorer.forward([sequence(5)], score))[0]!.every(Number.isFinite)).toBe(true);
    await expect(scorer.forward([sequence(6)], score)).rejects.toThrow(
      'expected at most 64 tokens (max_position_embeddings), got 65',
    );
  });

  it('rejects invalid sequences before it accumulates gradients', async () => {
    const { store, scorer } = fresh(1);
    const bad: Sequence[] = [
      { context: new Int32Array(), tokens: Int32Array.of(1) },
      { context: Int32Array.of(1), tokens: Int32Array.of(-1) },
      { context: Int32Array.of(22), tokens: Int32Array.of(1) },
    ];
    for (const sequence of bad)
      await expect(scorer.backward([...sequences, sequence], [...cotangents, [1]], score)).rejects.toThrow(
        /^engine onnx: expected/,
      );
    for (const gradient of gradients(store).values()) expect(gradient.every((g) => g === 0)).toBe(true);
  });

  it('throws for a released snapshot', async () => {
    const { store, scorer } = fresh(100);
    const id = store.snapshot();
    store.release(id);
    await expect(scorer.divergence(sequences, id, score)).rejects.toThrow(
      `snapshot "${id}" does not exist; it was released`,
    );
    const kl = { reference: id, weight: 1 };
    await expect(scorer.backward(sequences, cotangents, { ...score, kl })).rejects.toThrow('does not exist');
  });

  it('stops between batches when the signal is aborted', async () => {
    const { store, scorer } = fresh(1);
    const stopped = { ...score, signal: AbortSignal.abort(new Error('enough')) };
    await expect(scorer.forward(sequences, stopped)).rejects.toThrow('enough');
    await expect(scorer.backward(sequences, cotangents, stopped)).rejects.toThrow('enough');
    await expect(scorer.divergence(sequences, store.snapshot(), stopped)).rejects.toThrow('enough');
    for (const gradient of gradients(store).values()) expect(gradient.every((g) => g === 0)).toBe(true);
  });
});
