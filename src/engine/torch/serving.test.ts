/** Compares messages that the PyTorch engine serves with those that the embedded engine serves. */
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { Generation, GenerationRequest, RankedToken } from '../generation.ts';
import { createOnnxEngine } from '../onnx/engine.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import type { TorchModel } from './model.ts';
import { describeWithTorch, START_MS, testEngine, withWorker } from './testing/python.ts';

const context = (...ids: number[]): Int32Array => Int32Array.from([1, ...ids, 2]);
const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  context: context(7, 8),
  stream: randomStream(1),
  temperature: 1,
  topP: 1,
  maxTokens: 20,
  ...changes,
});
const words = ({ tokens, finish }: Pick<Generation, 'tokens' | 'finish'>): unknown[] => [...tokens, finish];

function expectClose(here: readonly number[], there: readonly number[]): void {
  expect(there).toHaveLength(here.length);
  here.forEach((value, place) => {
    expect(Math.abs(value - there[place]!)).toBeLessThan(1e-4);
  });
}

describeWithTorch('serving', () => {
  const engine = testEngine();
  const folder = withWorker(engine);
  let embedded: OnnxModel;
  let torch: TorchModel;

  beforeAll(async () => {
    const config = tinyConfig();
    const dir = join(folder, 'model');
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    embedded = await createOnnxEngine({ threads: 1 }).load({ dir });
    torch = await engine.load({ dir });
  }, START_MS);

  it('draws the tokens of the embedded engine: full softmax, greedy and top-p', async () => {
    const kinds = [
      { temperature: 0.8 },
      { temperature: 0 },
      { temperature: 1.3, topP: 0.6 },
      { temperature: 2, topLogprobs: 3 },
    ];
    const requests = Array.from({ length: 24 }, (_, i) => ({
      ...kinds[i % kinds.length],
      context: context(...Array.from({ length: i % 7 }, (_, j) => 5 + ((i + j) % 9))),
    }));
    const spoken = (model: OnnxModel | TorchModel) => {
      const generator = model.generator({ maxBatch: 5 });
      return Promise.all(
        requests.map(async (one, i) => {
          // requests arrive in different turns of the event loop
          for (let turn = 0; turn < i % 5; turn++) await new Promise(setImmediate);
          const ranked: (readonly RankedToken[])[] = [];
          const generation = await generator.generate(
            request({
              ...one,
              stream: randomStream(3, i),
              onToken: (token) => {
                if (token.ranked) ranked.push(token.ranked.top);
                return true;
              },
            }),
          );
          const top = ranked.flat();
          return {
            words: [...words(generation), ...top.map(({ token }) => token)],
            logps: [...generation.logp, ...top.map(({ logp }) => logp)],
            ranks: top.length,
          };
        }),
      );
    };
    const [here, there] = [await spoken(embedded), await spoken(torch)];
    here.forEach(({ words, logps }, index) => {
      expect(there[index]?.words).toEqual(words);
      expectClose(logps, there[index]?.logps ?? []);
    });
    expect(here.some(({ ranks }) => ranks > 0)).toBe(true);
  });

  it('ends a message when onToken returns false, and reports in-flight messages', async () => {
    const generator = torch.generator();
    let heard = 0;
    let running = 0;
    const { tokens, finish } = await generator.generate(
      request({
        maxTokens: 50,
        stream: randomStream(4),
        onToken: () => {
          ({ running } = generator.load());
          return ++heard < 3;
        },
      }),
    );
    expect([tokens.length, finish, running]).toEqual([3, 'stop', 1]);
    expect(generator.load()).toMatchObject({ running: 0, waiting: 0, tokens: 3 });
  });

  it('rejects aborted requests, queued or in flight, and no others', async () => {
    const generator = torch.generator({ maxBatch: 2 });
    const [under, waiting] = [new AbortController(), new AbortController()];
    const stop = new Error('enough');
    const broken = new Error('a listener broke');
    const messages = Promise.allSettled([
      generator.generate(
        request({ maxTokens: 40, signal: under.signal, onToken: () => void under.abort(stop) }),
      ),
      generator.generate(request({ stream: randomStream(2) })),
      generator.generate(request({ signal: waiting.signal })),
      generator.generate(
        request({
          onToken: () => {
            throw broken;
          },
        }),
      ),
      generator.generate(request({ stream: randomStream(5) })),
    ]);
    waiting.abort(stop);
    const outcomes = await messages;
    expect(outcomes.map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'rejected',
      'rejected',
      'fulfilled',
    ]);
    for (const [index, reason] of [
      [0, stop],
      [2, stop],
      [3, broken],
    ] as const)
      expect((outcomes[index] as PromiseRejectedResult).reason).toBe(reason);
    const expected = await embedded.generator().generate(request({ stream: randomStream(5) }));
    expect(words((outcomes[4] as PromiseFulfilledResult<Generation>).value)).toEqual(words(expected));
  });

  it('rejects contexts without room, and all requests after close', async () => {
    const generator = torch.generator();
    await expect(
      generator.generate(request({ context: context(...Array.from({ length: 70 }, () => 5)) })),
    ).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CONTEXT' });
    const under = generator.generate(request({ temperature: 3, maxTokens: 50 }));
    const closing = generator.close();
    await expect(under).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CLOSED' });
    await closing;
    await expect(generator.generate(request())).rejects.toMatchObject({ code: 'TROUPE_ENGINE_CLOSED' });
  });
});
