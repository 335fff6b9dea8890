/** The worker process: start, exit and errors; and a comparison of its results with the embedded engine. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Sequence } from '../engine.ts';
import { parameterSpecs, toDiskTensors } from '../onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../onnx/engine.ts';
import { Scorer } from '../onnx/score/scorer.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { readTransformersFixture } from '../onnx/testing/transformers-fixtures.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import { ParameterStore } from '../onnx/weights/parameter-store.ts';
import { describeWithTorch, testEngine, withWorker } from './testing/python.ts';

const ADAMW = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  weightDecay: 0.1,
  maxGradNorm: 1,
};

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

const difference = (rows: readonly ArrayLike<number>[], others: readonly ArrayLike<number>[]): number =>
  largest(rows.flatMap((row, s) => Array.from(row, (value, t) => value - Number(others[s]?.[t]))));

it('names a Python that does not exist', async () => {
  const engine = testEngine({ python: '/nowhere/python3' });
  await expect(engine.load({ dir: 'm' })).rejects.toThrow(
    /^engine torch: expected a Python at "\/nowhere\/python3", got none \(.*\); install Python 3.10 or newer, or set torch.python$/,
  );
  await engine.close();
});

it('reports the exit code and output of a program that is not a worker', async () => {
  const engine = testEngine({ python: process.execPath });
  await expect(engine.load({ dir: 'm' })).rejects.toThrow(
    /^engine torch: the worker of ".*node" ended with exit code 9: /,
  );
  await engine.close();
});

it('rejects an invalid address', () => {
  expect(() => testEngine({ address: { url: '127.0.0.1', token: '' } })).toThrow(
    'expected an address like http://127.0.0.1:8470, got 127.0.0.1',
  );
});

describeWithTorch('the worker and the embedded engine', () => {
  const engine = testEngine({ tokenBudget: 80 });
  const folder = withWorker(engine);
  const onnx = createOnnxEngine({ threads: 1, spinning: false });

  describe.each(['qwen3', 'gemma2', 'llama3'])('on %s', (name) => {
    it('agree in log-probabilities, gradients, a step of AdamW and exact divergences', async () => {
      const fixture = readTransformersFixture(name);
      const { sequences, cotangents, config, temperature } = fixture;
      const dir = join(folder, name);
      saveCheckpoint(dir, { config, weights: fixture.weights, tokenizer: tinyTokenizer() });
      const torch = await engine.load({ dir });
      const specs = parameterSpecs(config);
      const sessions = await onnx.sessions(config);
      const parameters = new ParameterStore(sessions.runtime, specs, fixture.weights);
      const scorer = new Scorer(sessions, parameters, 80);
      expect(torch.parameterCount).toBe(parameters.parameterCount);

      const [reference, snapshot] = [parameters.snapshot(), await torch.snapshot()];
      const embedded = await scorer.backward(sequences, cotangents, { temperature });
      const { logp } = await torch.backward(sequences, cotangents, { temperature });
      expect(difference(logp, embedded.logp)).toBeLessThan(1e-4);
      expect(difference(await torch.forward(sequences, { temperature }), embedded.logp)).toBeLessThan(1e-4);

      const gradients = await torch.gradients();
      const wanted = toDiskTensors(specs, parameters.gradients());
      expect([...gradients.keys()].sort()).toEqual(wanted.map((tensor) => tensor.name).sort());
      for (const { name: tensor, values } of wanted) {
        const found = gradients.get(tensor) as Float32Array;
        expect(largest(values.map((value, i) => value - found[i]!)), tensor).toBeLessThan(
          1e-3 * largest(values),
        );
      }

      const norm = parameters.stepAdamW(ADAMW);
      const { gradNorm } = await torch.step(ADAMW);
      expect(Math.abs(gradNorm / norm - 1)).toBeLessThan(1e-4);
      const here = await scorer.divergence(sequences, reference, { temperature });
      const there = await torch.divergence(sequences, snapshot, { temperature });
      expect(largest(here.klNewOld.flatMap((row) => [...row]))).toBeGreaterThan(1e-4);
      for (const key of ['klNewOld', 'klOldNew', 'tv'] as const)
        expect(difference(there[key], here[key]), key).toBeLessThan(1e-5);
      await torch.close();
    });
  });

  it("draw the same messages from the same streams, and resume from each other's folders", async () => {
    const config = tinyConfig();
    const dir = join(folder, 'draws');
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    const models = [await onnx.load({ dir }), await engine.load({ dir })];
    const drawn = async (model: (typeof models)[number]) => {
      const requests = Array.from({ length: 24 }, (_, i) => ({
        context: model.tokenizer.encodeChat([{ role: 'user', content: ['a', 'bc+1', 'deed=0123'][i % 3]! }]),
        stream: randomStream(11, i),
      }));
      const messages = await model.sample(requests, { temperature: 0.9, maxTokens: 12 });
      return messages.map((message, i) => ({ ...message, context: requests[i]!.context }));
    };
    const [here, there] = await Promise.all(models.map(drawn));
    expect(there!.map(({ tokens, finish }) => [...tokens, finish])).toEqual(
      here!.map(({ tokens, finish }) => [...tokens, finish]),
    );
    const logps = (messages: readonly { readonly logp: Float32Array }[]) => messages.map(({ logp }) => logp);
    expect(difference(logps(there!), logps(here!))).toBeLessThan(1e-4);

    const sequences: readonly Sequence[] = here!;
    const score = { temperature: 1 };
    const train = async (model: (typeof models)[number]) => {
      await model.backward(
        sequences,
        sequences.map(({ tokens }) => Array.from(tokens, () => -1)),
        score,
      );
      await model.step(ADAMW);
    };
    for (const model of models) await train(model);
    await models[0]!.save(join(folder, 'from-onnx'));
    await models[1]!.save(join(folder, 'from-torch'));
    const crossed = [
      await engine.load({ dir: join(folder, 'from-onnx'), optimizer: true }),
      await onnx.load({ dir: join(folder, 'from-torch'), optimizer: true }),
    ];
    for (const model of [...models, ...crossed]) await train(model);
    const [first, ...others] = await Promise.all(
      [...models, ...crossed].map((model) => model.forward(sequences, score)),
    );
    for (const rows of others) expect(difference(rows, first!)).toBeLessThan(1e-4);
  });

  it('a folder that cannot be loaded gives a one-line error with its path', async () => {
    await expect(engine.load({ dir: join(folder, 'nowhere') })).rejects.toThrow(
      /nowhere\/config.json: the file is missing; a model folder needs its config.json$/,
    );
  });

  it('a wrong token is rejected', async () => {
    const { url } = await engine.worker();
    const other = testEngine({ address: { url, token: 'wrong' } });
    await expect(other.hello()).rejects.toThrow(/does not accept this token/);
    await other.close();
  });

  it('a killed worker is reported at once', async () => {
    const doomed = testEngine();
    const dir = join(folder, 'doomed');
    const config = tinyConfig();
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    const model = await doomed.load({ dir });
    const { pid } = await doomed.worker();
    process.kill(pid as number, 'SIGKILL');
    await expect(model.snapshot()).rejects.toMatchObject({
      message: expect.stringMatching(/^engine torch snapshot: the worker died \(killed by SIGKILL\)/),
      retryable: true,
    });
    await doomed.close();
  }, 300_000);
});
