/** Requests made to cost more than they should, and connections that never read. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { EndpointMember } from '../../src/serve/member/endpoint.ts';
import type { Member } from '../../src/serve/member/member.ts';
import { says, stubEndpoint } from './stub-endpoint.ts';
import { tinyServer } from './tiny-server.ts';

const stub = await stubEndpoint(says('4'));
const memberAt = (endpoint: string): EndpointMember =>
  new EndpointMember({ name: 'm', endpoint, model: 'm', stallMs: 9000, retries: 0, logprobs: false });
const { server, url, logged } = await tinyServer({ members: [memberAt(stub.url)] });
afterAll(async () => {
  await server.stop();
  await stub.close();
});

const MEGABYTE = 1_000_000;
const ask = (field: string): string =>
  `{"model": "team", "messages": [{"role": "user", "content": "a"}], ${field}}`;
const nested = (times: number): string => '['.repeat(times) + ']'.repeat(times);

describe('a body of a megabyte', () => {
  it.each([
    [
      'a field whose name never ends',
      ask(`"${'x'.repeat(MEGABYTE)}": 1`),
      /unknown parameter: 'x{60}\.\.\.'/,
    ],
    ['a model whose name never ends', ask('"n": 1').replace('team', 'x'.repeat(MEGABYTE)), /does not exist/],
    [
      'a field nested without end',
      ask(`"temperature": ${nested(MEGABYTE / 2)}`),
      /temperature: expected at most/,
    ],
    [
      'a message nested without end',
      `{"model": "team", "messages": ${nested(MEGABYTE / 2)}}`,
      /messages: expected at most/,
    ],
    [
      'nothing but nesting',
      nested(MEGABYTE / 2),
      /expected a JSON object as body, got something nested too deeply/,
    ],
    [
      'messages that are none',
      `{"model": "team", "messages": [${'{},'.repeat(MEGABYTE / 3)}{}]}`,
      /messages: expected at most/,
    ],
    [
      'parts that are none',
      ask('"n": 1').replace('"a"', `[${'{},'.repeat(MEGABYTE / 3)}{}]`),
      /messages: expected at most/,
    ],
    ['stops without number', ask(`"stop": [${'1,'.repeat(MEGABYTE / 2)}1]`), /stop/],
    ['a role that never ends', ask('"n": 1').replace('user', 'x'.repeat(MEGABYTE)), /role/],
  ])('of %s costs no time, and little in answer and log', async (_, body, message) => {
    const before = logged.length;
    const started = process.cpuUsage();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const spent = process.cpuUsage(started);
    const text = await response.text();
    expect([400, 404], text.slice(0, 300)).toContain(response.status);
    expect(text.length).toBeLessThan(1000);
    expect(text).toMatch(message);
    expect(JSON.stringify(logged.slice(before)).length).toBeLessThan(1000);
    // its own time, whatever else the machine does
    expect((spent.user + spent.system) / 1e3, 'time of both sides, ms').toBeLessThan(1500);
  });
});

it('lets go of a client that never reads its answer', { timeout: 120_000 }, async () => {
  // made at once, so that it is never the time for an answer that ends it
  const long: Member = {
    ...{ name: 'm', kind: 'embedded', close: async () => undefined },
    health: () => ({ ready: true, state: 'loaded', running: 0, waiting: 0 }),
    speak: async () => ({
      ...{ text: 'x'.repeat(16_000_000), finish: 'stop', meanLogp: 0, logprobs: [] },
      ...{ promptTokens: 1, completionTokens: 1, attempts: 1 },
    }),
  };
  const writer = await tinyServer({
    members: [long],
    options: { requestTimeoutMs: 1000, receiveTimeoutMs: 3000 },
  });
  // the text is in the answer three times: more than the kernels of both sides hold for those who do not read
  const body = ask('"n": 1');
  /** How many bytes of the answer come to somebody who begins to read when he is told to. */
  const read = async (begins: () => Promise<unknown>): Promise<number> => {
    const { hostname, port } = new URL(writer.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await begins();
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };
  /** When the server closes its side of the next connection. */
  const closed = (): Promise<unknown> =>
    new Promise((resolve) => {
      const onConnection = (message: unknown): void => {
        const { socket } = message as { readonly socket: Socket }; // what Node says on this channel
        if (socket.localPort !== Number(new URL(writer.url).port)) return;
        unsubscribe('net.server.socket', onConnection);
        socket.once('close', resolve);
      };
      subscribe('net.server.socket', onConnection);
    });
  try {
    const whole = await read(async () => undefined);
    expect(whole).toBeGreaterThan(45e6);
    // however long the answer took, he reads only when the server has had enough
    expect(await read(closed)).toBeLessThan(whole);
    await expect.poll(() => writer.server.pending).toBe(0);
  } finally {
    await writer.server.stop();
  }
});

it.each([
  ['in the middle of a stream', 1, 200],
  ['before a stream begins', 0, 500],
])('logs a defect that shows %s once, and tells the client nothing of it', async (_, pieces, status) => {
  const broken: Member = {
    ...{ name: 'm', kind: 'embedded', close: async () => undefined },
    health: () => ({ ready: true, state: 'loaded', running: 0, waiting: 0 }),
    async speak({ onPiece }) {
      if (pieces > 0) onPiece?.({ text: 'a', logprobs: [] });
      throw new TypeError('something private');
    },
  };
  const writer = await tinyServer({ members: [broken], protocol: 'relay' });
  try {
    const response = await fetch(`${writer.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: ask('"stream": true'),
    });
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(text.includes('"content":"a"')).toBe(pieces > 0);
    expect(text).toContain('"code":"internal_error"');
    expect(text).not.toMatch(/private|DONE/);
    expect(writer.logged).toMatchObject([
      ['error', { err: { message: 'something private' } }, 'a defect of the server'],
      [status < 500 ? 'info' : 'warn', { outcome: 'failed', code: 'internal_error' }, 'request'],
    ]);
  } finally {
    await writer.server.stop();
  }
});

it('takes back a message as an answer has it, fields without a value included', async () => {
  const messages = [
    { role: 'user', content: 'a', name: null },
    { role: 'assistant', content: 'b', refusal: null, audio: null, function_call: null, tool_calls: null },
    { role: 'user', content: 'c' },
  ];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'team', messages, temperature: null }),
  });
  expect(response.status, await response.text()).toBe(200);
});
