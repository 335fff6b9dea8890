/** Tests requests that are expensive to refuse, clients that never read, and unexpected errors. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { EndpointAgent } from '../../src/serve/agent/endpoint-agent.ts';
import type { ServedAgent } from '../../src/serve/agent/served-agent.ts';
import { answers, stubEndpoint } from './stub-endpoint.ts';
import { tinyServer } from './tiny-server.ts';

const stub = await stubEndpoint(answers('4'));
const agentAt = (endpoint: string): EndpointAgent =>
  new EndpointAgent({ name: 'm', endpoint, model: 'm', stallMs: 9000, retries: 0, logprobs: false });
const { server, url, logged } = await tinyServer({ agents: [agentAt(stub.url)] });
afterAll(async () => {
  await server.close();
  await stub.close();
});

const MEGABYTE = 1_000_000;
const ask = (field: string): string =>
  `{"model": "team", "messages": [{"role": "user", "content": "a"}], ${field}}`;
const nested = (times: number): string => '['.repeat(times) + ']'.repeat(times);

describe('a body of a megabyte', () => {
  it.each([
    ['a very long field name', ask(`"${'x'.repeat(MEGABYTE)}": 1`), /unknown parameter: 'x{60}\.\.\.'/],
    ['a very long model name', ask('"n": 1').replace('team', 'x'.repeat(MEGABYTE)), /does not exist/],
    ['a deeply nested field', ask(`"temperature": ${nested(MEGABYTE / 2)}`), /temperature: expected at most/],
    [
      'deeply nested messages',
      `{"model": "team", "messages": ${nested(MEGABYTE / 2)}}`,
      /messages: expected at most/,
    ],
    [
      'a deeply nested list',
      nested(MEGABYTE / 2),
      /expected a JSON object as body, got something nested too deeply/,
    ],
    [
      'many empty messages',
      `{"model": "team", "messages": [${'{},'.repeat(MEGABYTE / 3)}{}]}`,
      /messages: expected at most/,
    ],
    [
      'many empty parts',
      ask('"n": 1').replace('"a"', `[${'{},'.repeat(MEGABYTE / 3)}{}]`),
      /messages: expected at most/,
    ],
    ['many stop sequences', ask(`"stop": [${'1,'.repeat(MEGABYTE / 2)}1]`), /stop/],
    ['a very long role', ask('"n": 1').replace('user', 'x'.repeat(MEGABYTE)), /role/],
  ])('with %s is refused quickly, with a short response and log line', async (_, body, message) => {
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
    // processor time is checked, because it does not depend on the load of the machine
    expect((spent.user + spent.system) / 1e3, 'processor time of client and server, ms').toBeLessThan(1500);
  });
});

it('closes the connection of a client that never reads its response', { timeout: 120_000 }, async () => {
  // this agent answers at once, so that the request does not end by its time limit
  const long: ServedAgent = {
    ...{ name: 'm', kind: 'embedded', close: async () => undefined },
    health: () => ({ ready: true, state: 'loaded', running: 0, waiting: 0 }),
    generate: async () => ({
      ...{ text: 'x'.repeat(16_000_000), finish: 'stop', meanLogp: 0, logprobs: [] },
      ...{ usage: { promptTokens: 1, completionTokens: 1 }, attempts: 1 },
    }),
  };
  const writer = await tinyServer({
    agents: [long],
    options: { requestTimeoutMs: 1000, receiveTimeoutMs: 3000 },
  });
  // the response contains the text three times, which is more than the socket buffers of both sides hold
  const body = ask('"n": 1');
  /** Returns the number of bytes that a client receives if it starts to read only after `beforeReading`. */
  const read = async (beforeReading: () => Promise<unknown>): Promise<number> => {
    const { hostname, port } = new URL(writer.url);
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    await beforeReading();
    let bytes = 0;
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };
  /** Resolves when the server closes the next connection. */
  const closed = (): Promise<unknown> =>
    new Promise((resolve) => {
      const onConnection = (message: unknown): void => {
        const { socket } = message as { readonly socket: Socket }; // the message type of this channel
        if (socket.localPort !== Number(new URL(writer.url).port)) return;
        unsubscribe('net.server.socket', onConnection);
        socket.once('close', resolve);
      };
      subscribe('net.server.socket', onConnection);
    });
  try {
    const whole = await read(async () => undefined);
    expect(whole).toBeGreaterThan(45e6);
    // this client reads only after the server has closed the connection
    expect(await read(closed)).toBeLessThan(whole);
    await expect.poll(() => writer.server.pending).toBe(0);
  } finally {
    await writer.server.close();
  }
});

it.each([
  ['during a stream', 1, 200],
  ['before a stream', 0, 500],
])('logs an unexpected error %s once, and hides its message from the client', async (_, deltas, status) => {
  const broken: ServedAgent = {
    ...{ name: 'm', kind: 'embedded', close: async () => undefined },
    health: () => ({ ready: true, state: 'loaded', running: 0, waiting: 0 }),
    async generate({ onDelta }) {
      if (deltas > 0) onDelta?.({ text: 'a', logprobs: [] });
      throw new TypeError('something private');
    },
  };
  const writer = await tinyServer({ agents: [broken], protocol: 'relay' });
  try {
    const response = await fetch(`${writer.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: ask('"stream": true'),
    });
    const text = await response.text();
    expect(response.status).toBe(status);
    expect(text.includes('"content":"a"')).toBe(deltas > 0);
    expect(text).toContain('"code":"internal_error"');
    expect(text).not.toMatch(/private|DONE/);
    expect(writer.logged).toMatchObject([
      ['error', { err: { message: 'something private' } }, 'internal server error'],
      [status < 500 ? 'info' : 'warn', { outcome: 'failed', code: 'internal_error' }, 'request'],
    ]);
  } finally {
    await writer.server.close();
  }
});

it('accepts messages of earlier responses, including their null fields', async () => {
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
