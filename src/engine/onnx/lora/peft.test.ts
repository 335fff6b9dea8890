import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../../support/safetensors.ts';
import { adapterSpecs, toDiskTensors } from '../decoder/parameters.ts';
import type { WeightStorage } from '../decoder/weight-inputs.ts';
import { createOnnxEngine } from '../engine.ts';
import { LayeredScorer } from '../score/layered-scorer.ts';
import { tinyTokenizer } from '../testing/tiny-model.ts';
import { readTransformersFixture } from '../testing/transformers-fixtures.ts';
import { adapterParameters } from '../weights/model-parameters.ts';
import { readAdapter } from './adapter-folder.ts';
import { mergedWeights } from './adapter-weights.ts';
import { FrozenBase } from './frozen-base.ts';

const ROOT = join(import.meta.dirname, '../../../../test/fixtures/peft');
const engine = createOnnxEngine({ threads: 1, spinning: false });
const folder = mkdtempSync(join(tmpdir(), 'troupe-peft-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await engine.close();
});

interface Expected {
  readonly temperature: number;
  readonly base: string;
  readonly sequences: readonly { readonly context: number[]; readonly tokens: number[] }[];
}

async function fixture(name: string, storage: WeightStorage = 'float32') {
  const dir = join(ROOT, name);
  const expected = JSON.parse(readFileSync(join(dir, 'expected.json'), 'utf8')) as Expected; // written by conformance/write_peft_fixtures.py
  const { config, weights } = readTransformersFixture(expected.base);
  const adapter = readAdapter(dir, config, { optimizer: false });
  const { rank, alpha, rankStabilized, targets } = adapter.config;
  const shape = { rank, alpha, rankStabilized, targets };
  const sessions = await engine.sessions(config, { storage, adapter: shape });
  const base = FrozenBase.fromWeights(
    sessions.runtime,
    { config, weights, tokenizer: tinyTokenizer() },
    storage,
  );
  const parameters = adapterParameters(sessions.runtime, base, adapter);
  const scorer = new LayeredScorer({
    sessions,
    weights: parameters.weights,
    parameters: parameters.trainable,
    tokenBudget: 80,
    activationBytes: 2 ** 20,
  });
  const results = readSafetensors(join(dir, 'expected.safetensors')).tensors;
  const rows = (kind: string) =>
    expected.sequences.map((_, i) => results.get(`${kind}.${i}`)?.values as Float32Array);
  const sequences = expected.sequences.map(({ context, tokens }) => ({
    context: Int32Array.from(context),
    tokens: Int32Array.from(tokens),
  }));
  return { ...expected, dir, config, weights, adapter, shape, parameters, scorer, results, sequences, rows };
}

const largest = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function expectLogp(got: readonly Float32Array[], wanted: readonly Float32Array[], tolerance = 1e-4): void {
  wanted.forEach((row, s) => {
    expect(got[s]?.length).toBe(row.length);
    expect(largest(row.map((value, t) => value - (got[s]?.[t] as number))), `message ${s}`).toBeLessThan(
      tolerance,
    );
  });
}

describe.each(readdirSync(ROOT))('the adapter %s', (name) => {
  it('matches PEFT in log-probabilities and adapter gradients', async () => {
    const { config, shape, parameters, scorer, results, sequences, rows, temperature } = await fixture(name);
    const { logp } = await scorer.backward(sequences, rows('cotangents'), { temperature });
    expectLogp(logp, rows('logp'));
    expectLogp(await scorer.forward(sequences, { temperature }), rows('logp'));
    const gradients = toDiskTensors(adapterSpecs(config, shape), parameters.trainable.gradients());
    const wanted = [...results.keys()].filter((key) => key.startsWith('d:'));
    expect(gradients.map((tensor) => `d:${tensor.name}`).sort()).toEqual(wanted.sort());
    for (const { name: tensor, values } of gradients) {
      const expected = results.get(`d:${tensor}`)?.values as Float32Array;
      const error = largest(values.map((value, i) => value - (expected[i] as number)));
      expect(error / largest(expected), tensor).toBeLessThan(1e-3);
    }
  });

  it('has the same log-probabilities when it is merged into its base', async () => {
    const { config, shape, weights, adapter, sequences, rows, temperature } = await fixture(name);
    const merged = mergedWeights(config, shape, { base: weights, adapter: adapter.weights });
    const model = await engine.fromCheckpoint({ config, weights: merged, tokenizer: tinyTokenizer() }, name);
    expectLogp(await model.forward(sequences, { temperature }), rows('logp'));
    expect([...weights.keys()]).toEqual([...merged.keys()]);
  });

  it('is saved unchanged', async () => {
    const { dir, parameters } = await fixture(name);
    const copy = join(folder, name);
    parameters.save(copy);
    const file = 'adapter_model.safetensors';
    expect(readSafetensors(join(copy, file)).tensors).toEqual(readSafetensors(join(dir, file)).tensors);
  });

  it('is close over a bfloat16 base, and equal over a float32 base with the same rounded values', async () => {
    const narrow = await fixture(name, 'bfloat16');
    const { temperature, sequences } = narrow;
    const logp = await narrow.scorer.forward(sequences, { temperature });
    expectLogp(logp, narrow.rows('logp'), 0.5);
    // build a base whose values are rounded to bfloat16 but stored as float32
    const sessions = await engine.sessions(narrow.config, { storage: 'float32', adapter: narrow.shape });
    const rounded = FrozenBase.fromWeights(
      sessions.runtime,
      { config: narrow.config, weights: narrow.weights, tokenizer: tinyTokenizer() },
      'bfloat16',
    ).weights();
    const base = FrozenBase.fromWeights(
      sessions.runtime,
      { config: narrow.config, weights: rounded, tokenizer: tinyTokenizer() },
      'float32',
    );
    const { weights, trainable } = adapterParameters(sessions.runtime, base, narrow.adapter);
    const parts = { sessions, weights, parameters: trainable, tokenBudget: 80, activationBytes: 0 };
    expectLogp(await new LayeredScorer(parts).forward(sequences, { temperature }), logp, 1e-5);
  });
});
