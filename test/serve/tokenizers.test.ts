/**
 * Tests agents with tokenizers and chat templates of real checkpoints: incomplete characters, stop sequences,
 * refusals.
 */
import type OpenAI from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../src/core/rng.ts';
import type { Model } from '../../src/engine/engine.ts';
import { initialWeights } from '../../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { tinyConfig } from '../../src/engine/onnx/testing/tiny-model.ts';
import { readTokenizerFiles } from '../../src/engine/text/tokenizer-files.ts';
import { createEmbeddedAgent } from '../../src/serve/agent/embedded-agent.ts';
import { tinyServer } from './tiny-server.ts';

const engine = createOnnxEngine({ threads: 1, spinning: false });

/**
 * Creates a model with random weights. Its tokens are often parts of a multi-byte character, in random order.
 */
async function randomModel(
  family: string,
  vocabSize: number,
  { end, maxPositions = 512 }: { readonly end: number; readonly maxPositions?: number },
): Promise<Model> {
  const config = tinyConfig({ vocabSize, endTokens: [end], maxPositions, hiddenSize: 8, layers: 1 });
  const weights = initialWeights(config, randomStream(vocabSize));
  const tokenizer = readTokenizerFiles(`test/fixtures/chat/${family}`);
  return engine.fromCheckpoint({ config, weights, tokenizer }, family);
}

// qwen has a byte-level vocabulary; gemma and mistral have byte fallback
const models: Readonly<Record<string, Model>> = {
  qwen: await randomModel('qwen2_5', 655, { end: 652 }),
  gemma: await randomModel('gemma3', 609, { end: 1 }),
  mistral: await randomModel('mistral', 600, { end: 2 }),
};
const { server, client, logged } = await tinyServer({
  agents: Object.entries(models).map(([name, model]) => createEmbeddedAgent(model, { name })),
  team: { defaults: { temperature: 1, maxTokens: 60 } },
});
afterAll(async () => {
  await server.close();
  await engine.close();
});

type Request = OpenAI.ChatCompletionCreateParamsNonStreaming;

interface Streamed {
  readonly text: string;
  readonly pieces: readonly string[];
  readonly logprobs: readonly OpenAI.ChatCompletionTokenLogprob[];
}

/** Returns text and log-probabilities of each choice of a streamed response. */
async function streamed(request: Request): Promise<Streamed[]> {
  const choices: { pieces: string[]; logprobs: OpenAI.ChatCompletionTokenLogprob[] }[] = [];
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
    for (const { index, delta, logprobs } of chunk.choices) {
      choices[index] ??= { pieces: [], logprobs: [] };
      if (delta.content) choices[index].pieces.push(delta.content);
      choices[index].logprobs.push(...(logprobs?.content ?? []));
    }
  return choices.map((choice) => ({ ...choice, text: choice.pieces.join('') }));
}

const ask = (model: string, more: Partial<Request> = {}): Request => ({
  model,
  messages: [{ role: 'user', content: 'a' }],
  ...more,
});

describe.each(Object.keys(models))('%s', (name) => {
  it('streams the text of the whole response, for any sequence of bytes', async () => {
    let pieces = 0;
    for (let seed = 0; seed < 8; seed++) {
      const request = ask(name, { seed, n: 4, logprobs: seed % 2 === 0, temperature: 2 });
      const whole = await client.chat.completions.create(request);
      const parts = await streamed(request);
      expect(parts.map(({ text }) => text)).toEqual(whole.choices.map(({ message }) => message.content));
      expect(parts.map(({ logprobs }) => logprobs)).toEqual(
        whole.choices.map(({ logprobs }) => logprobs?.content ?? []),
      );
      pieces += parts.reduce((sum, part) => sum + part.pieces.length, 0);
      const plain = await client.chat.completions.create({ ...request, logprobs: false });
      expect(plain.choices.map(({ message }) => message.content)).toEqual(
        whole.choices.map(({ message }) => message.content),
      );
    }
    expect(pieces).toBeGreaterThan(100);
  });

  it('reports the bytes of every token, including incomplete characters', async () => {
    let parts = 0;
    for (let seed = 0; seed < 4; seed++) {
      const request = ask(name, { seed, n: 4, logprobs: true, top_logprobs: 3, temperature: 2 });
      for (const { message, logprobs } of (await client.chat.completions.create(request)).choices) {
        const tokens = logprobs?.content ?? [];
        parts += tokens.filter(({ token }) => token.includes('\uFFFD')).length;
        for (const one of tokens.flatMap((token) => [token, ...token.top_logprobs]))
          expect(one.bytes).not.toBeNull();
        const text = Buffer.from(tokens.flatMap(({ bytes }) => bytes ?? [])).toString();
        // with byte fallback, one invalid byte makes the whole run of bytes invalid, so only the byte-level
        // vocabulary is compared
        if (name === 'qwen') expect(text).toBe(message.content);
      }
    }
    expect(parts).toBeGreaterThan(20);
  });

  it('ends before a stop sequence that starts and ends within tokens', async () => {
    let stopped = 0;
    for (let seed = 0; seed < 12; seed++) {
      const request = ask(name, { seed, temperature: 2 });
      const text = (await client.chat.completions.create(request)).choices[0]?.message.content ?? '';
      const letters = [...text];
      const stop = letters.slice(5, 8).join('');
      if (letters.length < 9 || stop.includes('\uFFFD')) continue;
      const cut = text.slice(0, text.indexOf(stop));
      const withLogprobs = { ...request, stop, logprobs: true };
      const { choices } = await client.chat.completions.create(withLogprobs);
      expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: cut } });
      const [part] = await streamed(withLogprobs);
      expect(part?.text).toBe(cut);
      expect(part?.logprobs).toEqual(choices[0]?.logprobs?.content);
      stopped++;
    }
    expect(stopped).toBeGreaterThan(2);
  });
});

describe('a chat template', () => {
  it.each([
    ['gemma', [{ role: 'assistant', content: 'b' }]],
    ['mistral', [{ role: 'assistant', content: 'b' }]],
  ] as const)('of %s that refuses the messages is an error of the client', async (model, before) => {
    const error = await client.chat.completions
      .create(ask(model, { messages: [...before, { role: 'user', content: 'a' }] }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 400, code: 'unsupported_value', param: 'messages' });
    expect(String(error)).toMatch(/take turns/);
    expect(logged.filter(([level]) => level === 'error')).toEqual([]);
  });

  it('that demands alternating roles gets consecutive user messages as one', async () => {
    const messages = [
      { role: 'user' as const, content: 'a' },
      { role: 'user' as const, content: 'b' },
    ];
    const joined = [{ role: 'user' as const, content: 'a\n\nb' }];
    const of = (sent: typeof messages) =>
      client.chat.completions.create(ask('gemma', { messages: sent, seed: 1, max_tokens: 4 }));
    expect((await of(messages)).choices).toEqual((await of(joined)).choices);
  });

  it('that refuses the messages is a failed agent, where other agents answer', async () => {
    const messages = [{ role: 'assistant' as const, content: 'a' }, ...ask('team').messages];
    const lenient = await tinyServer({
      agents: Object.entries(models).map(([name, model]) => createEmbeddedAgent(model, { name })),
      team: { minAgents: 1 },
    });
    try {
      const answer = await lenient.client.chat.completions.create({
        ...ask('team'),
        messages,
        max_tokens: 4,
      });
      expect(answer).toMatchObject({
        troupe: {
          choices: [{ degraded: true, agents: [{ status: 'answered' }, { status: 'failed' }, {}] }],
        },
      });
    } finally {
      await lenient.server.close();
    }
  });
});

it('refuses token ids outside the vocabulary, without wrapping them to 32 bits', async () => {
  const wrong = { model: 'qwen', prompt: [2 ** 32 + 70, 71], max_tokens: 2 };
  await expect(client.completions.create(wrong)).rejects.toMatchObject({
    status: 400,
    message: expect.stringContaining('expected token ids from 0 to 654, got 4294967366'),
  });
});

it('refuses a prompt that is far too long without tokenizing it', async () => {
  const model = await randomModel('qwen2_5', 655, { end: 652, maxPositions: 16_384 });
  const long = await tinyServer({ agents: [createEmbeddedAgent(model, { name: 'long' })] });
  try {
    const content = 'the cat sat on the mat '.repeat(40_000);
    // processor time is measured, because it does not depend on the load of the machine
    const cpuMs = (since?: NodeJS.CpuUsage): number => {
      const { user, system } = process.cpuUsage(since);
      return (user + system) / 1000;
    };
    const before = process.cpuUsage();
    for (const send of [
      () => long.client.chat.completions.create({ model: 'long', messages: [{ role: 'user', content }] }),
      () => long.client.completions.create({ model: 'long', prompt: content }),
    ])
      await expect(send()).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded' });
    const refusals = cpuMs(before);
    const start = process.cpuUsage();
    model.tokenizer.encode(content);
    // The two refusals took 0.4 times the time of one tokenization. Tokenizing both prompts would take more
    // than 2 times.
    expect(refusals, 'processor time of client and server for two refusals, ms').toBeLessThan(
      1.5 * cpuMs(start),
    );
  } finally {
    await long.server.close();
  }
});
