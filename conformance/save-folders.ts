/**
 * Trains a model of every family, and an adapter for it, for two steps. Saves the model, the adapter and the
 * merged model, each with the engine's log-probabilities of some messages. check_saved.py compares these with
 * Transformers and PEFT.
 *
 *     node --import ./scripts/typescript.mjs conformance/save-folders.ts FOLDER
 *
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Model, Sequence } from '../src/engine/engine.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { tinyTokenizer } from '../src/engine/onnx/testing/tiny-model.ts';
import {
  readTransformersFixture,
  transformersFixtures,
} from '../src/engine/onnx/testing/transformers-fixtures.ts';

const TEMPERATURE = 0.8;
const ADAMW = { learningRate: 0.02, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

const [given] = process.argv.slice(2);
if (given === undefined) {
  console.error('save-folders: expected a folder to save into, got none');
  process.exit(2);
}
const root = resolve(given);

async function train(model: Model, sequences: readonly Sequence[]): Promise<void> {
  for (let step = 0; step < 2; step++) {
    const cotangents = sequences.map(({ tokens }) => Array.from(tokens, () => -0.1));
    await model.backward(sequences, cotangents, { temperature: TEMPERATURE });
    await model.step(ADAMW);
  }
}

async function describe(dir: string, model: Model, sequences: readonly Sequence[]): Promise<void> {
  const logp = await model.forward(sequences, { temperature: TEMPERATURE });
  const described = sequences.map(({ context, tokens }, i) => ({
    context: [...context],
    tokens: [...tokens],
    logp: [...(logp[i] ?? [])],
  }));
  writeFileSync(
    join(dir, 'expected.json'),
    JSON.stringify({ temperature: TEMPERATURE, sequences: described }),
  );
}

const lora = { r: 4, alpha: 8, targetModules: 'all-linear', rslora: true } as const;
const [full, adapting] = [createOnnxEngine({ threads: 1 }), createOnnxEngine({ threads: 1, lora })];
for (const name of transformersFixtures()) {
  const { config, weights, sequences } = readTransformersFixture(name);
  const model = await full.fromCheckpoint({ config, weights, tokenizer: tinyTokenizer() }, name);
  await train(model, sequences);
  const whole = join(root, name);
  await model.save(whole);
  await describe(whole, model, sequences);
  const adapted = await adapting.load({ dir: whole });
  await train(adapted, sequences);
  for (const [kind, save] of [
    ['adapter', (dir: string) => adapted.save(dir)],
    ['merged', (dir: string) => adapted.saveMerged(dir)],
  ] as const) {
    const dir = join(root, `${name}-${kind}`);
    mkdirSync(dir, { recursive: true });
    await save(dir);
    await describe(dir, adapted, sequences);
  }
}
await full.close();
await adapting.close();
