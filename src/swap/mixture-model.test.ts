import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { logSoftmax, stateDivergence } from '../core/divergence.ts';
import { projectOntoTrustRegion } from '../core/projection.ts';
import { randomStream } from '../core/rng.ts';
import type { Completion, Model, Sequence } from '../engine/engine.ts';
import { createOnnxEngine } from '../engine/onnx/engine.ts';
import { tinyModel } from '../engine/onnx/testing/tiny-model.ts';
import { requireMixable } from './mixable.ts';
import { loadModel } from './mixture-engine.ts';
import { MixtureModel } from './mixture-model.ts';

const DELTA = 0.02;
const TEMPERATURE = 0.9;
const score = { temperature: TEMPERATURE };
const adamw = { learningRate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };
const folder = mkdtempSync(join(tmpdir(), 'mixture-'));
const engine = createOnnxEngine({ threads: 1, spinning: false, tokenBudget: 2048, decodeBatch: 64 });
afterAll(() => rmSync(folder, { recursive: true }));

const small = () => tinyModel(engine);
const large = () => tinyModel(engine, { layers: 3, hiddenSize: 16, intermediateSize: 20, headDim: 6 });

async function mixture(steps: readonly number[] = [DELTA]): Promise<MixtureModel> {
  return new MixtureModel({ incumbent: await small(), replacement: await large(), steps, slots: 7 });
}

async function written(
  model: Model,
  { messages = 20, maxTokens = 12 } = {},
): Promise<(Completion & Sequence)[]> {
  const requests = Array.from({ length: messages }, (_, m) => ({
    context: model.tokenizer.encodeChat([{ role: 'user', content: `${m % 7}+${m % 3}=` }]),
    stream: randomStream(3, m),
  }));
  const completions = await model.sample(requests, { temperature: TEMPERATURE, maxTokens });
  return completions.map((completion, m) => ({ ...completion, context: requests[m]?.context as Int32Array }));
}

async function rowsOf(model: Model, sequences: readonly Sequence[]): Promise<Float32Array[][]> {
  const rows: Float32Array[][] = [];
  await model.distributions?.(sequences, score, (index, logp) => {
    const { length } = (sequences[index] as Sequence).tokens;
    const size = logp.length / length;
    rows[index] = Array.from({ length }, (_, t) => logp.slice(t * size, (t + 1) * size));
  });
  return rows;
}

describe('a mixture', () => {
  it('stays within delta0 of the incumbent at every visited state of 10,000 tokens', async () => {
    const messages = await written(await mixture(), { messages: 800, maxTokens: 40 });
    expect(messages.reduce((sum, { tokens }) => sum + tokens.length, 0)).toBeGreaterThan(10_000);
    // computes the expected policy independently: separate components without caches, and the projection
    // (E41) of `core/`
    const [old, pre] = [await rowsOf(await small(), messages), await rowsOf(await large(), messages)];
    let worst = 0;
    let mismatch = 0;
    let binding = 0;
    let states = 0;
    for (const [m, { tokens, logp }] of messages.entries())
      for (const [t, token] of tokens.entries()) {
        const [oldRow, preRow] = [logSoftmax(old[m]?.[t] ?? []), logSoftmax(pre[m]?.[t] ?? [])];
        const { pi, klOld, active } = projectOntoTrustRegion(
          preRow.map(Math.exp),
          oldRow.map(Math.exp),
          DELTA,
        );
        worst = Math.max(worst, klOld);
        mismatch = Math.max(mismatch, Math.abs(Math.log(pi[token] as number) - (logp[t] as number)));
        binding += Number(active);
        states++;
      }
    expect(worst).toBeLessThanOrEqual(DELTA);
    expect(mismatch).toBeLessThan(1e-4); // the sampled log-probabilities equal those of the projected policy
    expect(binding / states).toBeGreaterThan(0.5);
  });

  it('has consistent sampled log-probabilities, scores and distributions', async () => {
    const model = await mixture([DELTA, DELTA, DELTA]);
    const messages = await written(model);
    const logp = await model.forward(messages, score);
    const rows = await rowsOf(model, messages);
    messages.forEach(({ tokens, logp: sampled }, m) => {
      tokens.forEach((token, t) => {
        expect(Math.abs((logp[m]?.[t] as number) - (sampled[t] as number))).toBeLessThan(1e-4);
        expect(rows[m]?.[t]?.[token]).toBeCloseTo(logp[m]?.[t] as number, 5);
      });
    });
  });

  it('is the incumbent without steps and the replacement after large steps', async () => {
    const [old, pre] = [await small(), await large()];
    const messages = await written(pre);
    const arrived = await mixture([1e6]);
    for (const [ours, theirs] of [
      [await mixture([]), old],
      [arrived, pre],
    ] as const) {
      const expected = await theirs.forward(messages, score);
      (await ours.forward(messages, score)).forEach((row, m) => {
        row.forEach((logp, t) => {
          expect(logp).toBeCloseTo(expected[m]?.[t] as number, 5);
        });
      });
    }
    const weights = await arrived.handover?.weights(messages, score);
    expect(weights?.every((row) => row.every((w) => w === 1))).toBe(true);
  });

  it('measures the exact divergence of a step', async () => {
    const model = await mixture();
    const messages = await written(model);
    const before = await rowsOf(model, messages);
    const start = await model.snapshot();
    model.handover?.advance(0.05);
    const after = await rowsOf(model, messages);
    const { klNewOld, klOldNew, tv } = await model.divergence(messages, start, score);
    messages.forEach(({ tokens }, m) => {
      tokens.forEach((_, t) => {
        const expected = stateDivergence(after[m]?.[t] ?? [], before[m]?.[t] ?? []);
        expect(klNewOld[m]?.[t]).toBeCloseTo(expected.klNewOld, 4);
        expect(klOldNew[m]?.[t]).toBeCloseTo(expected.klOldNew, 4);
        expect(tv[m]?.[t]).toBeCloseTo(expected.tv, 4);
        expect(klNewOld[m]?.[t]).toBeLessThanOrEqual(0.05);
      });
    });
    await model.restore(start);
    expect(await rowsOf(model, messages)).toEqual(before);
  });

  it('rejects gradients before the handover is finished, and restores snapshots from before', async () => {
    const model = await mixture();
    const messages = await written(model);
    const ones = messages.map(({ tokens }) => new Float32Array(tokens.length).fill(-1));
    expect(() => model.backward(messages, ones, score)).toThrow('expected a handover step, got gradients');
    const mixed = await model.forward(messages, score);
    const asMixture = await model.snapshot();
    await model.handover?.finish();
    expect(model.handover).toBeUndefined();
    const loaded = await model.forward(messages, score);
    expect(loaded).toEqual(await (await large()).forward(messages, score));
    const asFinished = await model.snapshot();
    await model.backward(messages, ones, score);
    await model.step(adamw);
    expect(await model.forward(messages, score)).not.toEqual(loaded);
    const moved = await model.divergence(messages, asMixture, score);
    expect(moved.klNewOld.some((row) => row.some((kl) => kl > DELTA))).toBe(true);
    await model.restore(asMixture);
    expect(model.handover?.steps).toEqual([DELTA]);
    expect(await model.forward(messages, score)).toEqual(mixed);
    await model.restore(asFinished);
    expect(await model.forward(messages, score)).toEqual(loaded);
  });

  it('serves concurrent requests with the sampled messages and reports their tokens', async () => {
    const model = await mixture();
    const sampled = await written(model, { messages: 9 });
    const generator = model.generator({ maxBatch: 4 });
    const reported: number[][] = sampled.map(() => []);
    const request = (m: number) => ({
      context: sampled[m]?.context as Int32Array,
      stream: randomStream(3, m),
      temperature: TEMPERATURE,
      topP: 1,
      maxTokens: 12,
      onToken: ({ token }: { readonly token: number }) => {
        reported[m]?.push(token);
        return undefined;
      },
    });
    const generated = await Promise.all(sampled.map((_, m) => generator.generate(request(m))));
    generated.forEach(({ tokens, finish }, m) => {
      expect(tokens).toEqual(sampled[m]?.tokens);
      expect(finish).toBe(sampled[m]?.finish);
      expect(reported[m]).toEqual([...tokens]);
    });
    const greedy = { ...request(0), temperature: 0 };
    expect((await generator.generate(greedy)).tokens).toEqual((await generator.generate(greedy)).tokens);
    const aborted = { ...request(0), signal: AbortSignal.abort(new Error('aborted')) };
    await expect(generator.generate(aborted)).rejects.toThrow('aborted');
    // the slow request aborts the queued one, whose promise must reject before the slow request ends
    const leaving = new AbortController();
    const slow = generator.generate({ ...request(0), onToken: () => void leaving.abort(new Error('left')) });
    let isSlowOver = false;
    void slow.then(() => {
      isSlowOver = true;
    });
    const late = { ...request(1), temperature: 1, signal: leaving.signal };
    await expect(generator.generate(late)).rejects.toThrow('left');
    expect([isSlowOver, generator.load().waiting]).toEqual([false, 0]);
    await slow;
    await generator.close();
    await expect(generator.generate(request(0))).rejects.toThrow('closed');
  });

  it('is loaded from its folder, which contains only the replacement after the handover', async () => {
    const model = await mixture([DELTA, 0.5]);
    const messages = await written(model);
    const expected = await model.forward(messages, score);
    await model.save(join(folder, 'mixed'));
    const read = await loadModel(engine, 7, { dir: join(folder, 'mixed'), optimizer: true });
    expect(read.handover?.steps).toEqual([DELTA, 0.5]);
    expect(await read.forward(messages, score)).toEqual(expected);
    expect(await written(read)).toEqual(messages);
    await model.handover?.finish();
    await model.save(join(folder, 'finished'));
    const finished = await engine.load({ dir: join(folder, 'finished') });
    expect(await finished.forward(messages, score)).toEqual(await model.forward(messages, score));
  });

  it('is rejected if the vocabularies differ or a component is a mixture', async () => {
    const [model, plain] = [await mixture(), await small()];
    const wide = await tinyModel(engine, { endTokens: [0, 5] });
    expect(() => requireMixable({ incumbent: plain, replacement: wide }, 'agent_0')).toThrow(
      'agent_0: expected two models with the same vocabulary and chat template, got token 5 as "+" in one and "" in the other',
    );
    expect(() => requireMixable({ incumbent: model, replacement: wide }, 'agent_0')).toThrow(
      'in an unfinished handover',
    );
  });
});
