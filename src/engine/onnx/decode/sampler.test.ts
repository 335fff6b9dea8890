import { describe, expect, it } from 'vitest';
import { type RandomStream, randomStream } from '../../../core/rng.ts';
import type { Completion, SampleRequest } from '../../engine.ts';
import { createOnnxEngine } from '../engine.ts';
import { tinyConfig, tinyModel, tinyTokenizer, tinyWeights } from '../testing/tiny-model.ts';

const END = 0;
const params = { temperature: 1, maxTokens: 12 };
const engineOf = (decodeBatch: number, tokenBudget = 64) =>
  createOnnxEngine({ threads: 1, spinning: false, decodeBatch, tokenBudget });
const three = engineOf(3);

/** Creates requests with different and equal contexts. Each request has its own random stream. */
function requests(count: number, key = 81): SampleRequest[] {
  return Array.from({ length: count }, (_, i) => ({
    context: Int32Array.from({ length: 1 + (i % 5) }, (_unused, t) => 5 + (((i % 7) + t) % 12)),
    stream: randomStream(key, i),
  }));
}

/** Copies requests so that every uniform draw appends the index of its request to `draws`. */
function watched(asked: readonly SampleRequest[], draws: number[]): SampleRequest[] {
  return asked.map(({ context, stream }, request) => {
    const watchedStream: RandomStream = {
      uniform: () => {
        draws.push(request);
        return stream.uniform();
      },
      int: (bound) => stream.int(bound),
      normal: () => stream.normal(),
      child: (...keys) => stream.child(...keys),
      position: () => stream.position(),
    };
    return { context, stream: watchedStream };
  });
}

describe('the schedule', () => {
  it('does not change messages: one by one, in few slots, in more slots than messages', async () => {
    // with several end tokens, messages end at many lengths, so that a large batch is compacted repeatedly
    const changes = { endTokens: [END, 7, 14] };
    const long = { ...params, maxTokens: 40 };
    const model = await tinyModel(three, changes);
    const together = await model.sample(requests(12), long);
    expect(new Set(together.map(({ tokens }) => tokens.length)).size).toBeGreaterThan(6);
    const alone: Completion[] = [];
    for (const request of requests(12)) alone.push(...(await model.sample([request], long)));
    const wide = await (await tinyModel(engineOf(32), changes)).sample(requests(12), long);
    for (const [i, { tokens, logp, finish }] of together.entries())
      for (const other of [alone[i]!, wide[i]!]) {
        expect(other.tokens).toEqual(tokens);
        expect(other.finish).toBe(finish);
        other.logp.forEach((value, t) => {
          expect(Math.abs(value - logp[t]!)).toBeLessThan(2e-5);
        });
      }
  });

  it('agrees with the trainer for matrices large enough for transposed matmuls', async () => {
    const model = await tinyModel(engineOf(8), { hiddenSize: 256, intermediateSize: 512, layers: 1 });
    const asked = requests(12);
    const completions = await model.sample(asked, params);
    const sequences = completions.map(({ tokens }, i) => ({ context: asked[i]!.context, tokens }));
    const scored = await model.forward(sequences, { temperature: 1 });
    for (const [i, { logp }] of completions.entries())
      logp.forEach((value, t) => {
        expect(Math.abs(value - scored[i]![t]!)).toBeLessThan(2e-5);
      });
  });

  it('is deterministic, bit for bit', async () => {
    const model = await tinyModel(three);
    expect(await model.sample(requests(12), params)).toEqual(await model.sample(requests(12), params));
  });

  it('refills a slot at once: no message draws twice between the end of a message and the start of the next', async () => {
    const draws: number[] = [];
    const messages = await (await tinyModel(three)).sample(watched(requests(12), draws), params);
    expect(draws.length).toBe(messages.reduce((sum, { tokens }) => sum + tokens.length, 0));
    const ends = messages.map((_, request) => draws.lastIndexOf(request)).sort((a, b) => a - b);
    for (let waiting = 3; waiting < 12; waiting++) {
      // the first three messages fill the slots, so message n starts when n - 2 messages have ended
      const between = draws.slice((ends[waiting - 3] as number) + 1, draws.indexOf(waiting));
      expect(between.length).toBe(new Set(between).size);
    }
  });

  it('starts messages in request order', async () => {
    const draws: number[] = [];
    await (await tinyModel(three)).sample(watched(requests(12), draws), params);
    expect([...new Set(draws)]).toEqual([...Array(12).keys()]);
  });

  it('samples more one-token messages than there are slots, without a decode step', async () => {
    const model = await tinyModel(three);
    const messages = await model.sample(requests(20), { ...params, maxTokens: 1 });
    expect(messages.every(({ tokens }) => tokens.length === 1)).toBe(true);
  });
});

describe('a message ends', () => {
  it('at an end token, which is part of the message, or at maxTokens', async () => {
    const model = await tinyModel(three);
    const announced: number[] = [];
    const messages = await model.sample(requests(30), {
      ...params,
      maxTokens: 5,
      onCompletion: (index, completion) => {
        announced.push(index);
        expect(completion.tokens.length).toBe(completion.logp.length);
      },
    });
    expect(announced.sort((a, b) => a - b)).toEqual([...Array(30).keys()]);
    const finishes = messages.map(({ finish }) => finish);
    expect(finishes).toContain('stop');
    expect(finishes).toContain('length');
    for (const { tokens, finish } of messages) {
      expect(tokens.indexOf(END)).toBe(finish === 'stop' ? tokens.length - 1 : -1);
      if (finish === 'length') expect(tokens.length).toBe(5);
    }
  });

  it('at any of several end tokens', async () => {
    const model = await tinyModel(three, { endTokens: [END, 7, 9] });
    const messages = await model.sample(requests(30), params);
    const last = new Set(
      messages.filter(({ finish }) => finish === 'stop').map(({ tokens }) => tokens.at(-1)),
    );
    expect(last).toEqual(new Set([END, 7, 9]));
  });

  it("at the model's last position, for any maxTokens", async () => {
    const model = await tinyModel(three, { maxPositions: 9, endTokens: [21] });
    const context = (length: number) => Int32Array.from({ length }, () => 6);
    const asked = [1, 7, 8].map((length, i) => ({ context: context(length), stream: randomStream(82, i) }));
    const messages = await model.sample(asked, { temperature: 1, maxTokens: 100 });
    messages.forEach(({ tokens, finish }, i) => {
      if (finish === 'length') expect(tokens.length).toBe([8, 2, 1][i]);
    });
    expect(messages.filter(({ finish }) => finish === 'length').length).toBeGreaterThan(1);
    // the scorer also accepts messages that reach the last position
    const sequences = messages.map(({ tokens }, i) => ({ context: asked[i]!.context, tokens }));
    const scored = await model.forward(sequences, { temperature: 1 });
    messages.forEach(({ logp }, i) => {
      logp.forEach((value, t) => {
        expect(Math.abs(value - scored[i]![t]!)).toBeLessThan(2e-5);
      });
    });
  });
});

describe('draws', () => {
  it('follow softmax(z / temperature) for first tokens (chi-square)', async () => {
    const model = await tinyModel(engineOf(64));
    const V = model.tokenizer.vocabSize;
    const temperature = 1.6; // the distribution is flat enough that every token has an expected count above 5
    const context = Int32Array.of(1, 9, 12);
    const every = Array.from({ length: V }, (_, v) => ({ context, tokens: Int32Array.of(v) }));
    const p = (await model.forward(every, { temperature })).map((row) => Math.exp(row[0]!));
    const draws = 4000;
    const asked = Array.from({ length: draws }, (_, i) => ({ context, stream: randomStream(83, i) }));
    const counts = p.map(() => 0);
    for (const { tokens } of await model.sample(asked, { temperature, maxTokens: 1 })) counts[tokens[0]!]!++;
    expect(draws * Math.min(...p)).toBeGreaterThan(5);
    const chiSquare = p.reduce(
      (sum, share, v) => sum + (counts[v]! - draws * share) ** 2 / (draws * share),
      0,
    );
    // 52.4 is the 0.9998 quantile of the chi-square distribution with 21 degrees of freedom; the seed is
    // fixed, so the test does not fail at random
    expect(chiSquare).toBeLessThan(52.4);
  });

  it('use the current weights, not those of earlier calls', async () => {
    const model = await tinyModel(three);
    const before = await model.sample(requests(6), params);
    const target = { context: Int32Array.of(1, 5), tokens: Int32Array.of(8) };
    for (let i = 0; i < 60; i++) {
      await model.backward([target], [[-1]], { temperature: 1 });
      await model.step({
        ...{ learningRate: 0.05, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 },
        weightDecay: 0,
        maxGradNorm: 1,
      });
    }
    const asked = [{ context: target.context, stream: randomStream(84) }];
    const [message] = await model.sample(asked, { temperature: 0.5, maxTokens: 1 });
    expect(message?.tokens).toEqual(target.tokens);
    expect(Math.exp(message!.logp[0]!)).toBeGreaterThan(0.9);
    expect(await model.sample(requests(6), params)).not.toEqual(before);
  });

  it('throw for NaN weights', async () => {
    const weights = tinyWeights(tinyConfig());
    weights.get('norm')![3] = Number.NaN;
    const model = await three.fromCheckpoint(
      { config: tinyConfig(), weights, tokenizer: tinyTokenizer() },
      'nan',
    );
    await expect(model.sample(requests(1), params)).rejects.toThrow(
      'engine: expected logits that are numbers, got NaN; the weights are damaged',
    );
  });
});

describe('an aborted signal', () => {
  it('stops sampling before the first prefill, between steps, and between messages of one token', async () => {
    const model = await tinyModel(three);
    const draws: number[] = [];
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(model.sample(watched(requests(3), draws), { ...params, signal })).rejects.toThrow('enough');
    expect(draws).toEqual([]);

    for (const maxTokens of [1, 12]) {
      const controller = new AbortController();
      const told: number[] = [];
      const sampling = model.sample(requests(12), {
        ...params,
        ...{ maxTokens, signal: controller.signal },
        onCompletion: (index) => {
          if (told.push(index) === 2) controller.abort(new Error('enough'));
        },
      });
      await expect(sampling).rejects.toThrow('enough');
      expect(told.length).toBeLessThan(6);
    }
  });

  it('leaves the model able to sample again', async () => {
    const model = await tinyModel(three);
    const before = await model.sample(requests(5), params);
    const controller = new AbortController();
    const onCompletion = () => controller.abort();
    await expect(
      model.sample(requests(5), { ...params, onCompletion, signal: controller.signal }),
    ).rejects.toThrow();
    expect(await model.sample(requests(5), params)).toEqual(before);
  });
});

describe('invalid requests are rejected before any message starts', () => {
  it.each<[string, Int32Array, RegExp]>([
    ['an empty context', new Int32Array(), /expected a context of at least one token/],
    ['a token of another vocabulary', Int32Array.of(1, 22), /expected token ids from 0 to 21, got 22/],
    [
      'a context that fills the model',
      new Int32Array(64),
      /a context of 64 tokens leaves no room for a message; the model takes 64/,
    ],
    ['a context longer than the model', new Int32Array(70), /a context of 70 tokens leaves no room/],
  ])('%s', async (_, context, line) => {
    const draws: number[] = [];
    const asked = watched([...requests(2), { context, stream: randomStream(85) }], draws);
    await expect((await tinyModel(three)).sample(asked, params)).rejects.toThrow(line);
    expect(draws).toEqual([]);
  });

  it.each([
    [{ temperature: 0 }, /expected a temperature > 0, got 0/],
    [{ temperature: -1 }, /expected a temperature > 0, got -1/],
    [{ temperature: Number.NaN }, /expected a temperature > 0, got NaN/],
    [{ temperature: Infinity }, /expected a temperature > 0, got Infinity/],
    [{ temperature: 1e-60 }, /expected a temperature > 0, got 1e-60/],
    [{ maxTokens: 0 }, /expected maxTokens >= 1, got 0/],
    [{ maxTokens: 1.5 }, /expected maxTokens >= 1, got 1.5/],
  ])('%j', async (changes, line) => {
    const model = await tinyModel(three);
    await expect(model.sample(requests(1), { ...params, ...changes })).rejects.toThrow(line);
  });
});
