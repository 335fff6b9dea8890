/** Tests the server of a tiny team with the official, unmodified JavaScript client of the OpenAI API. */
import type OpenAI from 'openai';
import { APIError, BadRequestError, NotFoundError } from 'openai';
import { afterAll, describe, expect, it } from 'vitest';
import { embeddedAgents, tinyModels, tinyServer } from './tiny-server.ts';

const models = await tinyModels();
const vote = await tinyServer({ agents: embeddedAgents(models) });
const relay = await tinyServer({ agents: embeddedAgents(await tinyModels(512)), protocol: 'relay' });
afterAll(async () => {
  await Promise.all([vote.server.close(), relay.server.close()]);
});
const { client } = vote;
const ask = { model: 'team', messages: [{ role: 'user' as const, content: '1+2=' }], seed: 7 };

/** The `troupe` field of a response, an extension of the OpenAI API. */
interface Troupe {
  readonly protocol: string;
  readonly choices: readonly {
    readonly agents: readonly {
      name: string;
      status: string;
      content: string | null;
      answer: string | null;
      usage: OpenAI.CompletionUsage;
    }[];
    readonly vote: { winner: string | null; counts: { answer: string; agents: string[] }[] } | null;
    readonly early_stop: object | null;
  }[];
}
/** Numbers of running and waiting requests of an agent in `/readyz`. */
type Load = Record<'running' | 'waiting', number>;
const troupeOf = (answer: object): Troupe => (answer as { troupe: Troupe }).troupe;

describe('models', () => {
  it('are the team and each agent by name', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['team', 'agent_0', 'agent_1', 'agent_2']);
    expect((await client.models.retrieve('agent_1')).object).toBe('model');
    await expect(client.models.retrieve('agent_9')).rejects.toThrow(NotFoundError);
  });
});

describe('chat', () => {
  it('answers as the team, with every agent and the vote', async () => {
    const answer = await client.chat.completions.create(ask);
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices).toHaveLength(1);
    const { protocol, choices } = troupeOf(answer);
    expect([protocol, choices.length]).toEqual(['vote', 1]);
    const { agents } = choices[0]!;
    expect(agents.map(({ name }) => name)).toEqual(['agent_0', 'agent_1', 'agent_2']);
    expect(agents.map(({ content }) => content)).toContain(answer.choices[0]?.message.content);
    const tokens = agents.reduce((sum, { usage }) => sum + usage.completion_tokens, 0);
    expect(answer.usage?.completion_tokens).toBe(tokens);
    expect(answer._request_id).toMatch(/^[\w-]{36}$/);
  });

  it('gives the same answer for the same seed, whole or streamed, and other answers for other seeds', async () => {
    const whole = await client.chat.completions.create(ask);
    const again = await client.chat.completions.create(ask);
    expect(again.choices).toEqual(whole.choices);
    const stream = await client.chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: OpenAI.CompletionUsage | null | undefined;
    let finish: string | null | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(finish).toBe(whole.choices[0]?.finish_reason);
    expect(usage).toEqual(whole.usage);
    const others = await Promise.all(
      [8, 9, 10, 11].map((seed) => client.chat.completions.create({ ...ask, seed })),
    );
    expect(new Set(others.map(({ choices }) => choices[0]?.message.content)).size).toBeGreaterThan(1);
  });

  it('gives n independent choices', async () => {
    const { choices } = await client.chat.completions.create({ ...ask, n: 5 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    const one = await client.chat.completions.create(ask);
    expect(choices[0]?.message.content).toBe(one.choices[0]?.message.content);
  });

  it('streams n choices concurrently', async () => {
    const runner = client.chat.completions.stream({ ...ask, n: 3 });
    const { choices } = await runner.finalChatCompletion();
    const whole = await client.chat.completions.create({ ...ask, n: 3 });
    expect(choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
  });

  it('is greedy at temperature 0, for any seed', async () => {
    const texts = await Promise.all(
      [1, 2, 3].map(async (seed) => {
        const { choices } = await client.chat.completions.create({
          ...ask,
          model: 'agent_0',
          seed,
          temperature: 0,
        });
        return choices[0]?.message.content;
      }),
    );
    expect(new Set(texts).size).toBe(1);
    const { choices } = await client.chat.completions.create({
      ...ask,
      model: 'agent_0',
      top_p: 1e-6,
      seed: 5,
    });
    expect(choices[0]?.message.content).toBe(texts[0]);
  });

  it('reports the log-probabilities of the tokens of the text', async () => {
    const { choices } = await client.chat.completions.create({
      ...ask,
      logprobs: true,
      top_logprobs: 3,
      max_tokens: 12,
    });
    const [choice] = choices;
    const content = choice?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join('')).toBe(choice?.message.content);
    for (const { logprob, top_logprobs, token, bytes } of content) {
      expect(logprob).toBeLessThanOrEqual(0);
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]!.logprob).toBeGreaterThanOrEqual(logprob);
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
    }
    const stream = await client.chat.completions.create({
      ...ask,
      logprobs: true,
      top_logprobs: 3,
      max_tokens: 12,
      stream: true,
    });
    const streamed = [];
    for await (const chunk of stream) streamed.push(...(chunk.choices[0]?.logprobs?.content ?? []));
    expect(streamed).toEqual(content);
    expect((await client.chat.completions.create(ask)).choices[0]?.logprobs).toBeNull();
  });

  it('ends before a stop sequence, with finish_reason stop', async () => {
    const request = { ...ask, model: 'agent_1', max_tokens: 30, temperature: 2 };
    let text = '';
    for (let seed = 0; text.length < 5; seed++) {
      request.seed = seed;
      const whole = await client.chat.completions.create(request);
      text = whole.choices[0]?.message.content ?? '';
    }
    const stop = text.slice(2, 4);
    const cut = text.slice(0, text.indexOf(stop));
    for (const stops of [stop, [stop, 'zzz']]) {
      const { choices } = await client.chat.completions.create({ ...request, stop: stops });
      expect([choices[0]?.message.content, choices[0]?.finish_reason]).toEqual([cut, 'stop']);
    }
    const stream = await client.chat.completions.create({ ...request, stop, stream: true });
    let streamed = '';
    for await (const chunk of stream) streamed += chunk.choices[0]?.delta.content ?? '';
    expect(streamed).toBe(cut);
  });

  it('ends at max_tokens, under either name', async () => {
    for (const limit of [{ max_tokens: 2 }, { max_completion_tokens: 2 }]) {
      const { choices, usage } = await client.chat.completions.create({
        ...ask,
        model: 'agent_0',
        temperature: 2,
        ...limit,
      });
      expect(usage?.completion_tokens).toBeLessThanOrEqual(2);
      expect(choices[0]?.finish_reason).toBe('length');
    }
  });

  it('answers an empty message, and with a single token', async () => {
    const { choices } = await client.chat.completions.create({
      ...ask,
      messages: [{ role: 'user', content: '' }],
      max_tokens: 1,
      n: 3,
      logprobs: true,
    });
    expect(choices).toHaveLength(3);
    for (const { message, logprobs } of choices)
      expect(logprobs?.content?.map(({ token }) => token).join('')).toBe(message.content);
  });

  it('streams the last agent of a relay token by token', async () => {
    const stream = await relay.client.chat.completions.create({ ...ask, temperature: 2, stream: true });
    let deltas = 0;
    let text = '';
    for await (const chunk of stream) {
      const delta = chunk.choices[0]?.delta.content ?? '';
      if (delta !== '') deltas++;
      text += delta;
    }
    const whole = await relay.client.chat.completions.create({ ...ask, temperature: 2 });
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(deltas).toBeGreaterThan(1);
    expect(troupeOf(whole).choices[0]?.agents.map(({ name }) => name)).toEqual([
      'agent_0',
      'agent_1',
      'agent_2',
    ]);
  });

  it('streams the message of each agent with stream_agents', async () => {
    const stream = await client.chat.completions.create({
      ...ask,
      stream: true,
      troupe: { stream_agents: true },
    } as never);
    const written: Record<string, string> = {};
    const ended: Record<string, string | null> = {};
    for await (const chunk of stream as unknown as AsyncIterable<{
      troupe?: { event?: string; name: string; content: string | null };
    }>) {
      if (chunk.troupe?.event === 'agent_delta')
        written[chunk.troupe.name] = (written[chunk.troupe.name] ?? '') + chunk.troupe.content;
      if (chunk.troupe?.event === 'agent_end') ended[chunk.troupe.name] = chunk.troupe.content;
    }
    expect(Object.keys(ended).sort()).toEqual(['agent_0', 'agent_1', 'agent_2']);
    for (const [name, text] of Object.entries(ended))
      if (text !== null) expect(written[name] ?? '').toBe(text);
  });

  it('accepts system messages, earlier messages and parts of type text', async () => {
    const { choices } = await client.chat.completions.create({
      ...ask,
      messages: [
        { role: 'developer', content: 'ab' },
        { role: 'user', content: '1+1=' },
        { role: 'assistant', content: '2' },
        {
          role: 'user',
          content: [
            { type: 'text', text: '1+' },
            { type: 'text', text: '2=' },
          ],
        },
      ],
    });
    expect(typeof choices[0]?.message.content).toBe('string');
  });
});

describe('completions', () => {
  it('continue a raw text with one agent, whole or streamed', async () => {
    const request = {
      model: 'agent_0',
      prompt: '1+2=',
      seed: 3,
      max_tokens: 10,
      temperature: 1.5,
      logprobs: 2,
    };
    const { choices, usage } = await client.completions.create(request);
    const [choice] = choices;
    expect(choice?.logprobs?.tokens?.join('')).toBe(choice?.text);
    expect(usage?.prompt_tokens).toBe(4);
    const stream = await client.completions.create({ ...request, stream: true });
    let text = '';
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? '';
    expect(text).toBe(choice?.text);
    const byIds = await client.completions.create({
      ...request,
      prompt: [...models[0]!.tokenizer.encode('1+2=')],
    });
    expect(byIds.choices[0]?.text).toBe(choice?.text);
  });

  it('accept several prompts, and run the protocol on each', async () => {
    const { choices } = await client.completions.create({
      model: 'team',
      prompt: ['1+2=', 'a+b='],
      n: 2,
      seed: 1,
      max_tokens: 8,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const chat = await client.chat.completions.create({ ...ask, seed: 1, max_tokens: 8 });
    expect(choices[0]?.text).toBe(chat.choices[0]?.message.content);
  });
});

describe('errors', () => {
  const wrong: readonly (readonly [string, object, string, string])[] = [
    ['a field of another type', { temperature: 'hot' }, 'temperature', 'invalid_type'],
    ['a field out of range', { temperature: 3 }, 'temperature', 'invalid_value'],
    ['a field that does not exist', { temprature: 1 }, 'temprature', 'unknown_parameter'],
    ['tools', { tools: [] }, 'tools', 'unsupported_parameter'],
    ['a penalty', { frequency_penalty: 1 }, 'frequency_penalty', 'unsupported_value'],
    [
      'a JSON format',
      { response_format: { type: 'json_object' } },
      'response_format.type',
      'unsupported_value',
    ],
    ['an unknown role', { messages: [{ role: 'robot', content: 'a' }] }, 'messages[0].role', 'invalid_value'],
    [
      'a tool message',
      { messages: [{ role: 'tool', content: 'a', tool_call_id: '1' }] },
      'messages[0].role',
      'invalid_value',
    ],
    [
      'an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'messages[0].content',
      'invalid_value',
    ],
    ['no messages', { messages: [] }, 'messages', 'invalid_value'],
    [
      'an assistant message at the end',
      { messages: [{ role: 'assistant', content: 'a' }] },
      'messages[0].role',
      'invalid_value',
    ],
    ['top_logprobs without logprobs', { top_logprobs: 2 }, 'top_logprobs', 'invalid_value'],
    [
      'stream_options without stream',
      { stream_options: { include_usage: true } },
      'stream_options',
      'invalid_value',
    ],
    ['too many stop sequences', { stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', 'invalid_value'],
    ['too many tokens', { max_tokens: 1e6 }, 'max_tokens', 'invalid_value'],
    ['no tokens', { max_tokens: 0 }, 'max_tokens', 'invalid_value'],
    ['too many choices', { n: 17 }, 'n', 'invalid_value'],
    [
      'a prompt longer than the context',
      { messages: [{ role: 'user', content: '1'.repeat(90) }] },
      'messages',
      'context_length_exceeded',
    ],
  ];

  it.each(wrong)('name the field: %s', async (_, change, param, code) => {
    const error = await client.chat.completions
      .create({ ...ask, ...change } as typeof ask)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error).toMatchObject({ status: 400, param, code, type: 'invalid_request_error' });
    const streamed = await client.chat.completions
      .create({ stream_options: undefined, ...ask, ...change, stream: true } as never)
      .catch((thrown: unknown) => thrown);
    if (code !== 'invalid_value' || param !== 'stream_options')
      expect(streamed).toMatchObject({ status: 400, param });
  });

  it('name an unknown model', async () => {
    await expect(client.chat.completions.create({ ...ask, model: 'agent_O' })).rejects.toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    });
    expect(new APIError(404, undefined, '', undefined)).toBeInstanceOf(Error);
  });
});

describe('concurrent requests', () => {
  it('are cancelled when the client disconnects, whole or streamed', async () => {
    const controller = new AbortController();
    const stream = await relay.client.chat.completions.create(
      { ...ask, temperature: 2, max_tokens: 40, stream: true },
      { signal: controller.signal },
    );
    await expect(async () => {
      for await (const _ of stream) controller.abort();
      throw new Error('aborted');
    }).rejects.toThrow(/abort/);
    await expect.poll(() => relay.server.pending).toBe(0);
    const whole = new AbortController();
    const answer = client.chat.completions.create({ ...ask, n: 16 }, { signal: whole.signal });
    const rejected = expect(answer).rejects.toThrow(/abort/i);
    await expect.poll(() => vote.server.pending, { interval: 1 }).toBe(1);
    // generation takes many turns of the event loop, so the request is aborted in the middle of it
    whole.abort();
    await rejected;
    await expect.poll(() => vote.server.pending).toBe(0);
    // the models stop generating, too: no requests are running or waiting
    for (const { url } of [relay, vote])
      await expect
        .poll(async () => {
          const { agents } = (await (await fetch(`${url}/readyz`)).json()) as { agents: Load[] };
          return agents.map(({ running, waiting }) => running + waiting);
        })
        .toEqual([0, 0, 0]);
  });

  it('get the same answers as sequential requests', async () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);
    const texts = async (seed: number): Promise<unknown> =>
      (await client.chat.completions.create({ ...ask, seed, model: seed % 3 === 0 ? 'agent_0' : 'team' }))
        .choices[0]?.message.content;
    const concurrent = await Promise.all(seeds.map(texts));
    const sequential = [];
    for (const seed of seeds.slice(0, 12)) sequential.push(await texts(seed));
    expect(concurrent.slice(0, 12)).toEqual(sequential);
  });
});
