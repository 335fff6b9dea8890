/** Members behind endpoints that fail, stall, truncate and lie, beside members that do not. */
import { afterAll, describe, expect, it } from 'vitest';
import { EndpointMember, type EndpointMemberOptions } from '../../src/serve/member/endpoint.ts';
import type { Member } from '../../src/serve/member/member.ts';
import {
  answersJson,
  BEHAVIORS,
  type Behavior,
  liar,
  type StubEndpoint,
  says,
  stubEndpoint,
} from './stub-endpoint.ts';
import { embeddedMembers, type TinyOptions, type TinyServer, tinyModels, tinyServer } from './tiny-server.ts';

const closing: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
});

async function stub(behavior: Behavior): Promise<StubEndpoint> {
  const made = await stubEndpoint(behavior);
  closing.push(() => made.close());
  return made;
}

function member(name: string, { url }: StubEndpoint, options: Partial<EndpointMemberOptions> = {}): Member {
  return new EndpointMember({
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
  const made = await tinyServer(options);
  closing.push(() => made.server.stop());
  return made;
}

interface Told {
  readonly members: {
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
const toldBy = (answer: object): Told =>
  (answer as { troupe: { choices: Told[] } }).troupe.choices[0] as Told;
const ask = { model: 'team', messages: [{ role: 'user' as const, content: '2+2=' }], max_tokens: 16 };

describe('a vote of endpoints', () => {
  it('asks each as the API says, and counts what they answer', async () => {
    const stubs = await Promise.all([stub(says('4')), stub(says('5', -0.1)), stub(says(' 4 '))]);
    const { client } = await serve({
      members: stubs.map((one, id) =>
        member(`m${id}`, one, { key: 'secret', instruction: 'Add.', extraBody: { top_k: 1 } }),
      ),
    });
    const answer = await client.chat.completions.create({
      ...ask,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['!'],
      seed: 3,
      logprobs: true,
      top_logprobs: 2,
    });
    expect(answer.choices[0]?.message.content?.trim()).toBe('4');
    expect(toldBy(answer)).toMatchObject({ degraded: false, vote: { winner: '4' } });
    const [body] = stubs[0]!.asked;
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
        { role: 'user', content: '2+2=' },
      ],
    });
    expect(stubs[0]!.headers.authorization).toBe('Bearer secret');
    const again = await client.chat.completions.create({ ...ask, seed: 3 });
    expect(stubs[0]!.asked[1]?.seed).toBe(body?.seed);
    expect(stubs[1]!.asked[0]?.seed).not.toBe(body?.seed);
    expect(again.usage?.prompt_tokens).toBe(15);
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it('stops the slow one when the others have decided', async () => {
    let wasLetGo = false;
    const slow = await stub((response) => {
      response.once('close', () => {
        wasLetGo = true;
      });
    });
    const { client } = await serve({
      members: [
        member('a', await stub(says('4'))),
        member('b', await stub(says('4'))),
        member('slow', slow, { stallMs: 60_000 }),
      ],
    });
    const answer = await client.chat.completions.create(ask);
    expect(toldBy(answer)).toMatchObject({
      early_stop: { decided_after: 2, cancelled: ['slow'] },
      degraded: false,
    });
    await expect.poll(() => wasLetGo).toBe(true);
  });

  const failing: readonly (readonly [keyof typeof BEHAVIORS, string, number])[] = [
    ['refuses', 'unavailable', 3],
    ['limits', 'unavailable', 3],
    ['rejects', 'unavailable', 1],
    ['hangs', 'timeout', 3],
    ['stalls', 'timeout', 3],
    ['truncates', 'unavailable', 3],
    ['ends', 'unavailable', 3],
    ['html', 'unavailable', 3],
    ['garbage', 'unavailable', 3],
    ['numbers', 'unavailable', 3],
    ['scolds', 'unavailable', 3],
    ['floods', 'unavailable', 3],
  ];

  it.each(failing)('goes on without one that %s', async (name, code, attempts) => {
    const { client } = await serve({
      members: [
        member('bad', await stub(BEHAVIORS[name]), code === 'timeout' ? { stallMs: 200 } : {}),
        member('a', await stub(says('4'))),
        member('b', await stub(says('5', -2))),
      ],
      team: { minMembers: 2 },
    });
    const answer = await client.chat.completions.create(ask);
    const told = toldBy(answer);
    expect(answer.choices[0]?.message.content).toBe('4');
    expect(told.degraded).toBe(true);
    expect(told.members[0]).toMatchObject({ name: 'bad', status: 'failed', attempts, error: { code } });
  });

  it('takes an answer that comes whole, and no JSON that is something else', async () => {
    const whole = (message: object): object => ({ choices: [{ message, finish_reason: 'stop' }] });
    const far = await stub(answersJson(whole({ role: 'assistant', content: '4' })));
    const patient = { retries: 0, breaker: { failures: 1000 } };
    const { client } = await serve({ members: [member('far', far, patient)] });
    const usage = { prompt_tokens: 3, completion_tokens: 1 };
    expect((await client.chat.completions.create(ask)).choices[0]?.message.content).toBe('4');
    far.behavior = answersJson({ ...whole({ content: '4' }), usage });
    expect((await client.chat.completions.create(ask)).usage).toMatchObject(usage);
    for (const other of [
      ...[null, [], 'four', 4, {}, { choices: {} }, { choices: [] }, { choices: [null] }],
      ...[{ choices: [{ message: { content: '4' } }] }, whole({ content: [{ type: 'text', text: '4' }] })],
      ...[whole({ content: { text: '4' } }), { error: 'no', choices: [{ message: { content: '4' } }] }],
    ]) {
      far.behavior = answersJson(other);
      await expect(client.chat.completions.create(ask), JSON.stringify(other)).rejects.toMatchObject({
        status: 503,
        code: expect.stringMatching(/members_unavailable/),
      });
    }
  });

  it('recovers within one request when the endpoint does', async () => {
    let times = 0;
    const flaky = await stub((response, body) =>
      times++ < 2 ? BEHAVIORS.truncates(response) : says('4')(response, body),
    );
    const { client } = await serve({ members: [member('flaky', flaky)] });
    const answer = await client.chat.completions.create(ask);
    expect(toldBy(answer).members[0]).toMatchObject({ status: 'answered', attempts: 3, content: '4' });
  });

  it('believes no liar', async () => {
    const { client } = await serve({
      members: [member('liar', await stub(liar)), member('a', await stub(says('4', -3)))],
    });
    const answer = await client.chat.completions.create({ ...ask, max_tokens: 4 });
    const [told] = toldBy(answer).members;
    // impossible chances are none, so it loses the tie; its text is cut, its bill is what came
    expect(answer.choices[0]?.message.content).toBe('4');
    expect(told?.mean_logprob).toBeNull();
    expect(told?.content.length).toBeLessThanOrEqual(4 * 32);
    expect(told?.usage.completion_tokens).toBeLessThan(1000);
    expect(answer.usage?.prompt_tokens).toBeLessThan(1e6);
  });

  it('says so when too few answer, and lets a client see why', async () => {
    const { client } = await serve({
      members: [
        member('bad', await stub(BEHAVIORS.refuses), { retries: 0 }),
        member('a', await stub(says('4'))),
      ],
      team: { minMembers: 2 },
    });
    for (const stream of [false, true])
      await expect(client.chat.completions.create({ ...ask, stream } as typeof ask)).rejects.toMatchObject({
        status: 503,
        code: 'members_unavailable',
        message: expect.stringContaining('HTTP 500 (out of memory)'),
        headers: expect.objectContaining({}),
      });
  });

  it('leaves a member alone that keeps failing, and tries it again', async () => {
    let now = 0;
    const bad = await stub(BEHAVIORS.refuses);
    const { client, url } = await serve({
      members: [
        member('bad', bad, { retries: 0, breaker: { failures: 3, pauseMs: 1000, now: () => now } }),
        member('a', await stub(says('4'))),
      ],
      team: { minMembers: 1 },
    });
    for (let i = 0; i < 5; i++) await client.chat.completions.create(ask);
    expect(bad.asked).toHaveLength(3);
    const ready = (await (await fetch(`${url}/readyz`)).json()) as {
      members: { ready: boolean; state: string }[];
    };
    expect(ready.members[0]).toMatchObject({ ready: false, state: 'circuit open' });
    bad.behavior = says('4');
    now = 1000;
    const answer = await client.chat.completions.create(ask);
    expect(toldBy(answer).degraded).toBe(false);
  });

  it('keeps answering while a member is killed and revived under load', async () => {
    const [fragile, other] = [await stub(says('4')), await stub(says('4'))];
    const { client } = await serve({
      members: [
        member('fragile', fragile, { retries: 1, breaker: { pauseMs: 20 } }),
        member('a', await stub(says('4'))),
        member('b', other),
      ],
      team: { minMembers: 2 },
    });
    let failures = 0;
    const statuses: string[] = [];
    const one = async (): Promise<void> => {
      const answer = await client.chat.completions.create(ask).catch(() => undefined);
      if (answer === undefined) failures++;
      else statuses.push(toldBy(answer).members.find(({ name }) => name === 'fragile')?.status ?? '');
    };
    const wave = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, one));
    await wave();
    fragile.behavior = (response) => void response.destroy();
    await wave();
    await wave();
    fragile.behavior = says('4');
    other.behavior = says('5'); // no vote is decided before it was heard, so that its trial is not ended early
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

it('holds nothing against a member that was stopped because the vote was decided', async () => {
  const slow = await stub(BEHAVIORS.hangs);
  const quick = await stub(says('4'));
  const { client, url } = await serve({
    members: [member('a', quick), member('b', quick), member('slow', slow, { breaker: { failures: 2 } })],
  });
  for (let i = 0; i < 4; i++) await client.chat.completions.create(ask);
  const ready = (await (await fetch(`${url}/readyz`)).json()) as { members: { state: string }[] };
  expect(ready.members.map(({ state }) => state)).toEqual(new Array(3).fill('circuit closed'));
});

describe('other protocols', () => {
  it.each(['debate', 'relay', 'router'])(
    'play %s on without a member that fails, and say so',
    async (protocol) => {
      const members = await Promise.all(
        [says('4'), BEHAVIORS.refuses, says('4')].map(async (behavior, id) =>
          member(`m${id}`, await stub(behavior), { retries: 0 }),
        ),
      );
      const { client } = await serve({ members, protocol, team: { minMembers: 1 } });
      for (const stream of [false, true]) {
        const chunks: { troupe?: Told; choices: { delta?: { content?: string } }[] }[] = [];
        const answer = await client.chat.completions.create({ ...ask, seed: 1, stream } as typeof ask);
        if (stream) for await (const chunk of answer as unknown as AsyncIterable<never>) chunks.push(chunk);
        const told = stream ? chunks.find(({ troupe }) => troupe)?.troupe : toldBy(answer);
        const text = stream
          ? chunks.map(({ choices }) => choices[0]?.delta?.content ?? '').join('')
          : answer.choices[0]?.message.content;
        expect([text, told?.degraded]).toEqual(['4', true]);
        expect(new Set(told?.members.map(({ name, status }) => `${name} ${status}`))).toContain('m1 failed');
      }
    },
  );

  it('need all members of parts', async () => {
    const members = await Promise.all(
      [says('4'), BEHAVIORS.refuses].map(async (behavior, id) =>
        member(`m${id}`, await stub(behavior), { retries: 0 }),
      ),
    );
    const { client } = await serve({ members, protocol: 'parts', team: { minMembers: 2 } });
    await expect(client.chat.completions.create(ask)).rejects.toMatchObject({ status: 503 });
  });

  it('mix endpoints with models of this process', async () => {
    const [model] = await tinyModels(256);
    const { client } = await serve({
      members: [...embeddedMembers([model!]), member('far', await stub(says('1+2')))],
      protocol: 'debate',
    });
    const answer = await client.chat.completions.create(ask);
    expect(toldBy(answer).members).toHaveLength(4);
    expect(toldBy(answer).degraded).toBe(false);
  });

  it('stream the words of the last endpoint as they come, and fail openly when it breaks off', async () => {
    const last = await stub(says('first'));
    const { client } = await serve({
      members: [member('a', await stub(says('b'))), member('last', last)],
      protocol: 'relay',
      team: { minMembers: 1 },
    });
    const read = async (): Promise<string> => {
      let text = '';
      for await (const chunk of await client.chat.completions.create({ ...ask, stream: true }))
        text += chunk.choices[0]?.delta.content ?? '';
      return text;
    };
    expect(await read()).toBe('first');
    expect(last.asked[0]?.messages).toEqual([
      { role: 'user', content: '2+2=' },
      { role: 'assistant', content: 'b' },
    ]);
    last.behavior = BEHAVIORS.truncates;
    await expect(read()).rejects.toThrow('failed before its end');
    last.behavior = BEHAVIORS.refuses;
    expect(await read()).toBe('b'); // nothing was shown yet: the relay ends one speaker earlier
  });
});
