/**
 * Tests agents behind endpoints that fail, stall, truncate or send implausible data, next to agents that
 * work.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { EndpointAgent, type EndpointAgentOptions } from '../../src/serve/agent/endpoint-agent.ts';
import type { ServedAgent } from '../../src/serve/agent/served-agent.ts';
import {
  answers,
  answersJson,
  BEHAVIORS,
  type Behavior,
  implausible,
  type StubEndpoint,
  stubEndpoint,
} from './stub-endpoint.ts';
import { embeddedAgents, type TinyOptions, type TinyServer, tinyModels, tinyServer } from './tiny-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function stub(behavior: Behavior): Promise<StubEndpoint> {
  const endpoint = await stubEndpoint(behavior);
  closing.push(() => endpoint.close());
  return endpoint;
}

function agent(
  name: string,
  { url }: StubEndpoint,
  options: Partial<EndpointAgentOptions> = {},
): ServedAgent {
  return new EndpointAgent({
    ...{
      name,
      endpoint: url,
      model: `model-of-${name}`,
      stallMs: 10_000,
      retries: 2,
      logprobs: true,
      random: () => 0,
    },
    ...options,
  });
}

async function serve(options: TinyOptions): Promise<TinyServer> {
  const tiny = await tinyServer(options);
  closing.push(() => tiny.server.close());
  return tiny;
}

interface TroupeChoice {
  readonly agents: {
    name: string;
    status: string;
    attempts: number;
    content: string;
    error: { code: string; message: string } | null;
    mean_logprob: number | null;
    usage: { completion_tokens: number };
  }[];
  readonly vote: { winner: string | null };
  readonly degraded: boolean;
  readonly early_stop: { decided_after: number; cancelled: string[] } | null;
}
const troupeOf = (answer: object): TroupeChoice =>
  (answer as { troupe: { choices: TroupeChoice[] } }).troupe.choices[0] as TroupeChoice;
const request = { model: 'team', messages: [{ role: 'user' as const, content: '2+2=' }], max_tokens: 16 };

describe('a vote of endpoints', () => {
  it('sends each endpoint a request of the OpenAI API, and counts the answers', async () => {
    const stubs = await Promise.all([stub(answers('4')), stub(answers('5', -0.1)), stub(answers(' 4 '))]);
    const { client } = await serve({
      agents: stubs.map((one, id) =>
        agent(`m${id}`, one, {
          key: 'secret',
          instruction: 'Add.',
          examples: [{ prompt: '1+1=', answer: '2' }],
          extraBody: { top_k: 1 },
        }),
      ),
    });
    const answer = await client.chat.completions.create({
      ...request,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['!'],
      seed: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(answer.choices[0]?.message.content?.trim()).toBe('4');
    expect(troupeOf(answer)).toMatchObject({ degraded: false, vote: { winner: '4' } });
    const [body] = stubs[0]!.requests;
    expect(body).toMatchObject({
      ...{
        model: 'model-of-m0',
        temperature: 0.5,
        top_p: 0.9,
        max_tokens: 16,
        stop: ['!'],
        stream: true,
        top_k: 1,
      },
      ...{ logprobs: true, top_logprobs: 2, stream_options: { include_usage: true } },
      messages: [
        { role: 'system', content: 'Add.' },
        { role: 'user', content: '1+1=' },
        { role: 'assistant', content: '2' },
        { role: 'user', content: '2+2=' },
      ],
    });
    expect(stubs[0]!.headers.authorization).toBe('Bearer secret');
    const again = await client.chat.completions.create({ ...request, seed: 3 });
    expect(stubs[0]!.requests[1]?.seed).toBe(body?.seed);
    expect(stubs[1]!.requests[0]?.seed).not.toBe(body?.seed);
    expect(again.usage?.prompt_tokens).toBe(15);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('cancels the slow agent when the vote is decided', async () => {
    let wasClosed = false;
    const slow = await stub((response) => {
      response.once('close', () => {
        wasClosed = true;
      });
    });
    const { client } = await serve({
      agents: [
        agent('a', await stub(answers('4'))),
        agent('b', await stub(answers('4'))),
        agent('slow', slow, { stallMs: 60_000 }),
      ],
    });
    const answer = await client.chat.completions.create(request);
    expect(troupeOf(answer)).toMatchObject({
      early_stop: { decided_after: 2, cancelled: ['slow'] },
      degraded: false,
    });
    await expect.poll(() => wasClosed).toBe(true);
  });

  const failing: readonly (readonly [keyof typeof BEHAVIORS, string, number])[] = [
    ['failing', 'unavailable', 3],
    ['rateLimited', 'unavailable', 3],
    ['unauthorized', 'unavailable', 1],
    ['hanging', 'timeout', 3],
    ['stalling', 'timeout', 3],
    ['disconnecting', 'unavailable', 3],
    ['truncated', 'unavailable', 3],
    ['html', 'unavailable', 3],
    ['invalidJson', 'unavailable', 3],
    ['wrongTypes', 'unavailable', 3],
    ['errorEvent', 'unavailable', 3],
    ['endlessEvent', 'unavailable', 3],
  ];

  it.each(failing)('answers without an agent whose endpoint is %s', async (name, code, attempts) => {
    const { client } = await serve({
      agents: [
        agent('bad', await stub(BEHAVIORS[name]), code === 'timeout' ? { stallMs: 200 } : {}),
        agent('a', await stub(answers('4'))),
        agent('b', await stub(answers('5', -2))),
      ],
      team: { minAgents: 2 },
    });
    const answer = await client.chat.completions.create(request);
    const choice = troupeOf(answer);
    expect(answer.choices[0]?.message.content).toBe('4');
    expect(choice.degraded).toBe(true);
    expect(choice.agents[0]).toMatchObject({ name: 'bad', status: 'failed', attempts, error: { code } });
  });

  it('accepts a whole response in place of a stream, and refuses other JSON', async () => {
    const whole = (message: object): object => ({ choices: [{ message, finish_reason: 'stop' }] });
    const far = await stub(answersJson(whole({ role: 'assistant', content: '4' })));
    const withoutBreaker = { retries: 0, breaker: { failures: 1000 } };
    const { client } = await serve({ agents: [agent('far', far, withoutBreaker)] });
    const usage = { prompt_tokens: 3, completion_tokens: 1 };
    expect((await client.chat.completions.create(request)).choices[0]?.message.content).toBe('4');
    far.behavior = answersJson({ ...whole({ content: '4' }), usage });
    expect((await client.chat.completions.create(request)).usage).toMatchObject(usage);
    for (const other of [
      ...[null, [], 'four', 4, {}, { choices: {} }, { choices: [] }, { choices: [null] }],
      ...[{ choices: [{ message: { content: '4' } }] }, whole({ content: [{ type: 'text', text: '4' }] })],
      ...[whole({ content: { text: '4' } }), { error: 'no', choices: [{ message: { content: '4' } }] }],
    ]) {
      far.behavior = answersJson(other);
      await expect(client.chat.completions.create(request), JSON.stringify(other)).rejects.toMatchObject({
        status: 503,
        code: expect.stringMatching(/agents_unavailable/),
      });
    }
  });

  it('retries within one request', async () => {
    let times = 0;
    const flaky = await stub((response, body) =>
      times++ < 2 ? BEHAVIORS.disconnecting(response) : answers('4')(response, body),
    );
    const { client } = await serve({ agents: [agent('flaky', flaky)] });
    const answer = await client.chat.completions.create(request);
    expect(troupeOf(answer).agents[0]).toMatchObject({ status: 'answered', attempts: 3, content: '4' });
  });

  it('does not trust implausible token counts and probabilities', async () => {
    const { client } = await serve({
      agents: [agent('implausible', await stub(implausible)), agent('a', await stub(answers('4', -3)))],
    });
    const answer = await client.chat.completions.create({ ...request, max_tokens: 4 });
    const [distrusted] = troupeOf(answer).agents;
    // The agent's invalid log-probabilities are ignored, so the other agent wins the tie. Its text is cut,
    // and its tokens are counted by the server.
    expect(answer.choices[0]?.message.content).toBe('4');
    expect(distrusted?.mean_logprob).toBeNull();
    expect(distrusted?.content.length).toBeLessThanOrEqual(4 * 32);
    expect(distrusted?.usage.completion_tokens).toBeLessThan(1000);
    expect(answer.usage?.prompt_tokens).toBeLessThan(1e6);
  });

  it('answers 503 with the reason when too few agents answer', async () => {
    const { client } = await serve({
      agents: [
        agent('bad', await stub(BEHAVIORS.failing), { retries: 0 }),
        agent('a', await stub(answers('4'))),
      ],
      team: { minAgents: 2 },
    });
    for (const stream of [false, true])
      await expect(
        client.chat.completions.create({ ...request, stream } as typeof request),
      ).rejects.toMatchObject({
        status: 503,
        code: 'agents_unavailable',
        message: expect.stringContaining('HTTP 500 (out of memory)'),
        headers: expect.objectContaining({}),
      });
  });

  it('opens the circuit of an agent that keeps failing, and closes it after a successful trial', async () => {
    let now = 0;
    const bad = await stub(BEHAVIORS.failing);
    const { client, url } = await serve({
      agents: [
        agent('bad', bad, { retries: 0, breaker: { failures: 3, pauseMs: 1000, now: () => now } }),
        agent('a', await stub(answers('4'))),
      ],
      team: { minAgents: 1 },
    });
    for (let i = 0; i < 5; i++) await client.chat.completions.create(request);
    expect(bad.requests).toHaveLength(3);
    const ready = (await (await fetch(`${url}/readyz`)).json()) as {
      agents: { ready: boolean; state: string }[];
    };
    expect(ready.agents[0]).toMatchObject({ ready: false, state: 'circuit open' });
    bad.behavior = answers('4');
    now = 1000;
    const answer = await client.chat.completions.create(request);
    expect(troupeOf(answer).degraded).toBe(false);
  });

  it('answers every request while an endpoint goes down and comes back under load', async () => {
    const [fragile, other] = [await stub(answers('4')), await stub(answers('4'))];
    const { client } = await serve({
      agents: [
        agent('fragile', fragile, { retries: 1, breaker: { pauseMs: 20 } }),
        agent('a', await stub(answers('4'))),
        agent('b', other),
      ],
      team: { minAgents: 2 },
    });
    let failures = 0;
    const statuses: string[] = [];
    const one = async (): Promise<void> => {
      const answer = await client.chat.completions.create(request).catch(() => undefined);
      if (answer === undefined) failures++;
      else statuses.push(troupeOf(answer).agents.find(({ name }) => name === 'fragile')?.status ?? '');
    };
    const wave = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, one));
    await wave();
    fragile.behavior = (response) => void response.destroy();
    await wave();
    await wave();
    fragile.behavior = answers('4');
    // with different answers, no vote is decided before the fragile agent answers, so its trial request is
    // not cancelled
    other.behavior = answers('5');
    await expect
      .poll(async () => {
        statuses.length = 0;
        await wave();
        return statuses.includes('failed');
      })
      .toBe(false);
    expect(failures).toBe(0);
  });
});

it('does not count a cancelled message as a failure of the endpoint', async () => {
  const slow = await stub(BEHAVIORS.hanging);
  const quick = await stub(answers('4'));
  const { client, url } = await serve({
    agents: [agent('a', quick), agent('b', quick), agent('slow', slow, { breaker: { failures: 2 } })],
  });
  for (let i = 0; i < 4; i++) await client.chat.completions.create(request);
  const ready = (await (await fetch(`${url}/readyz`)).json()) as { agents: { state: string }[] };
  expect(ready.agents.map(({ state }) => state)).toEqual(new Array(3).fill('circuit closed'));
});

describe('other protocols', () => {
  it.each(['debate', 'relay', 'router'] as const)(
    'continue %s without an agent that fails, and report it',
    async (protocol) => {
      const agents = await Promise.all(
        [answers('4'), BEHAVIORS.failing, answers('4')].map(async (behavior, id) =>
          agent(`m${id}`, await stub(behavior), { retries: 0 }),
        ),
      );
      const { client } = await serve({ agents, protocol, team: { minAgents: 1 } });
      for (const stream of [false, true]) {
        const chunks: { troupe?: TroupeChoice; choices: { delta?: { content?: string } }[] }[] = [];
        const answer = await client.chat.completions.create({
          ...request,
          seed: 1,
          stream,
        } as typeof request);
        if (stream) for await (const chunk of answer as unknown as AsyncIterable<never>) chunks.push(chunk);
        const choice = stream ? chunks.find(({ troupe }) => troupe)?.troupe : troupeOf(answer);
        const text = stream
          ? chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('')
          : answer.choices[0]?.message.content;
        expect([text, choice?.degraded]).toEqual(['4', true]);
        expect(new Set(choice?.agents.map(({ name, status }) => `${name} ${status}`))).toContain('m1 failed');
      }
    },
  );

  it('require all agents of parts', async () => {
    const agents = await Promise.all(
      [answers('4'), BEHAVIORS.failing].map(async (behavior, id) =>
        agent(`m${id}`, await stub(behavior), { retries: 0 }),
      ),
    );
    const { client } = await serve({ agents, protocol: 'parts', team: { minAgents: 2 } });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ status: 503 });
  });

  it('combine endpoints with models in this process', async () => {
    const [model] = await tinyModels(256);
    const { client } = await serve({
      agents: [...embeddedAgents([model!]), agent('far', await stub(answers('1+2')))],
      protocol: 'debate',
    });
    const answer = await client.chat.completions.create(request);
    expect(troupeOf(answer).agents).toHaveLength(4);
    expect(troupeOf(answer).degraded).toBe(false);
  });

  it('stream the message of the last endpoint, and fail when it is truncated', async () => {
    const last = await stub(answers('first'));
    const { client } = await serve({
      agents: [agent('a', await stub(answers('b'))), agent('last', last)],
      protocol: 'relay',
      team: { minAgents: 1 },
    });
    const read = async (): Promise<string> => {
      let text = '';
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
        text += chunk.choices[0]?.delta.content ?? '';
      return text;
    };
    expect(await read()).toBe('first');
    expect(last.requests[0]?.messages).toEqual([
      { role: 'user', content: '2+2=' },
      { role: 'assistant', content: 'b' },
    ]);
    last.behavior = BEHAVIORS.disconnecting;
    await expect(read()).rejects.toThrow('failed before its end');
    last.behavior = BEHAVIORS.failing;
    // the agent failed before it streamed any text, so the message of the previous agent is the answer
    expect(await read()).toBe('b');
  });
});
