/** Compares adapters of the PyTorch engine with those of the embedded engine: results and folders. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readSafetensors } from '../../support/safetensors.ts';
import { adapterSpecs, toDiskTensors } from '../onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../onnx/engine.ts';
import { readAdapter } from '../onnx/lora/adapter-folder.ts';
import { FrozenBase } from '../onnx/lora/frozen-base.ts';
import { LayeredScorer } from '../onnx/score/layered-scorer.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { readTransformersFixture } from '../onnx/testing/transformers-fixtures.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import { adapterParameters } from '../onnx/weights/model-parameters.ts';
import { describeWithTorch, testEngine, withWorker } from './testing/python.ts';

const ROOT = join(import.meta.dirname, '../../../test/fixtures/peft');
const ADAMW = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
};
const WEIGHTS = 'adapter_model.safetensors';

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const difference = (rows: readonly ArrayLike<number>[], others: readonly ArrayLike<number>[]): number =>
  largest(rows.flatMap((row, s) => Array.from(row, (value, t) => value - Number(others[s]?.[t]))));

describeWithTorch('adapters', () => {
  const shape = { rank: 3, alpha: 6, targetModules: ['q_proj', 'v_proj', 'down_proj'], rslora: true };
  const engine = testEngine({ tokenBudget: 80, lora: shape });
  const folder = withWorker(engine);
  const onnx = createOnnxEngine({ threads: 1, spinning: false, lora: { ...shape, r: shape.rank } });

  it.each(readdirSync(ROOT))(
    'of %s match in log-probabilities, gradients, a step and divergences',
    async (name) => {
      const adapterDir = join(folder, 'adapters', name);
      cpSync(join(ROOT, name), adapterDir, { recursive: true });
      const base =
        /"base": "([^"]+)"/.exec(readFileSync(join(adapterDir, 'expected.json'), 'utf8'))?.[1] ?? '';
      const { config, weights, sequences, cotangents, temperature } = readTransformersFixture(base);
      saveCheckpoint(join(folder, 'transformers', base), { config, weights, tokenizer: tinyTokenizer() });
      const adapter = readAdapter(adapterDir, config, { optimizer: false });
      const sessions = await onnx.sessions(config, {
        storage: 'float32',
        adapter: { ...adapter.config },
      });
      const frozen = FrozenBase.fromWeights(
        sessions.runtime,
        { config, weights, tokenizer: tinyTokenizer() },
        'float32',
      );
      const adapted = adapterParameters(sessions.runtime, frozen, adapter);
      const { trainable } = adapted;
      const parts = {
        sessions,
        weights: adapted.weights,
        parameters: trainable,
        tokenBudget: 80,
        activationBytes: 2 ** 20,
      };
      const scorer = new LayeredScorer(parts);
      const torch = await engine.load({ dir: adapterDir });
      expect(torch.capabilities.parameters).toBe('lora');
      expect(torch.parameterCount).toBe(frozen.parameterCount + trainable.parameterCount);

      const [reference, snapshot] = [trainable.snapshot(), await torch.snapshot()];
      const embedded = await scorer.backward(sequences, cotangents, { temperature });
      const { logp } = await torch.backward(sequences, cotangents, { temperature });
      expect(difference(logp, embedded.logp)).toBeLessThan(1e-4);
      const gradients = await torch.gradients();
      const wanted = toDiskTensors(adapterSpecs(config, adapter.config), trainable.gradients());
      expect([...gradients.keys()].sort()).toEqual(wanted.map((tensor) => tensor.name).sort());
      for (const { name: tensor, values } of wanted) {
        const found = gradients.get(tensor) as Float32Array;
        expect(largest(values.map((value, i) => value - found[i]!)), tensor).toBeLessThan(
          1e-3 * largest(values),
        );
      }
      const norm = trainable.stepAdamW(ADAMW);
      expect(Math.abs((await torch.step(ADAMW)).gradNorm / norm - 1)).toBeLessThan(1e-3);
      const here = await scorer.divergence(sequences, reference, { temperature });
      const there = await torch.divergence(sequences, snapshot, { temperature });
      expect(largest(here.klNewOld.flatMap((row) => [...row]))).toBeGreaterThan(1e-5);
      for (const key of ['klNewOld', 'klOldNew', 'tv'] as const)
        expect(difference(there[key], here[key]), key).toBeLessThan(1e-5);
      await torch.close();
    },
  );

  it("start from the same weights, and resume from each other's folders", async () => {
    const config = tinyConfig();
    const dir = join(folder, 'base');
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    const models = [await onnx.load({ dir }), await engine.load({ dir })] as const;
    const context = models[1].tokenizer.encodeChat([{ role: 'user', content: 'bc+1' }]);
    const sequences = [{ context, tokens: Int32Array.of(5, 2, 9) }];
    const train = async (model: (typeof models)[number]) => {
      await model.backward(sequences, [[-1, -1, -1]], { temperature: 0.8 });
      await model.step(ADAMW);
    };
    for (const [index, model] of models.entries()) await model.save(join(folder, `fresh-${index}`));
    const [fresh, drawn] = [0, 1].map(
      (index) => readSafetensors(join(folder, `fresh-${index}`, WEIGHTS)).tensors,
    );
    for (const [name, { values }] of fresh!) expect(drawn?.get(name)?.values, name).toEqual(values);
    expect(drawn?.size).toBe(fresh?.size);
    const written = [0, 1].map((index) =>
      JSON.parse(readFileSync(join(folder, `fresh-${index}`, 'adapter_config.json'), 'utf8')),
    );
    expect(written[1]).toEqual(written[0]);

    for (const model of models) await train(model);
    for (const [index, model] of models.entries()) await model.save(join(folder, `trained-${index}`));
    const crossed = [
      await onnx.load({ dir: join(folder, 'trained-1'), optimizer: true }),
      await engine.load({ dir: join(folder, 'trained-0'), optimizer: true }),
    ];
    for (const model of [...models, ...crossed]) await train(model);
    const score = { temperature: 1 };
    const rows = await Promise.all([...models, ...crossed].map((model) => model.forward(sequences, score)));
    for (const other of rows.slice(1)) expect(difference(other, rows[0]!)).toBeLessThan(1e-4);
  });

  it('are rejected with a one-line error if the folder has an unsupported setting', async () => {
    const dir = join(folder, 'refused');
    cpSync(join(ROOT, 'qwen2-all-linear'), dir, { recursive: true });
    const path = join(dir, 'adapter_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8')) as object;
    writeFileSync(path, JSON.stringify({ ...config, use_dora: true }));
    await expect(engine.load({ dir })).rejects.toThrow(
      `${path} use_dora: this adapter setting is not supported, got true`,
    );
  });
});
