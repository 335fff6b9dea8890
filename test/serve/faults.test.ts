/**
 * Tests faults of clients and of operations: malformed requests, overload, stalled connections, and shutdown.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { addKey } from '../../src/serve/access/key-file.ts';
import { EndpointAgent } from '../../src/serve/agent/endpoint-agent.ts';
import { signalsItself } from '../self-signal.ts';
import { fuzzedRequest } from './fuzz.ts';
import { answers, BEHAVIORS, stubEndpoint } from './stub-endpoint.ts';
import { embeddedAgents, tinyModels, tinyServer } from './tiny-server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-serve-'));
const models = await tinyModels();
const { server, url, client, logged } = await tinyServer({
  agents: embeddedAgents(models),
  options: { bodyBytes: 20_000, receiveTimeoutMs: 4000 },
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const ask = { model: 'team', messages: [{ role: 'user' as const, content: '1+2=' }], max_tokens: 4 };
const post = (body: string, headers: Record<string, string> = {}, to = url): Promise<Response> =>
  fetch(`${to}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });

const agentAt = (endpoint: string): EndpointAgent =>
  new EndpointAgent({ name: 'm', endpoint, model: 'm', stallMs: 60_000, retries: 0, logprobs: false });

/** Number of fuzzed requests. TROUPE_FUZZ=10000 runs a longer test. */
const FUZZED = Number(process.env.TROUPE_FUZZ ?? 1000);

describe('malformed requests', () => {
  it(`cause no crash, hang or 5xx status: ${FUZZED} fuzzed requests`, {
    timeout: 120_000 + FUZZED * 300,
  }, async () => {
    const ajv = new Ajv2020({ strict: false });
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      components: { schemas: Record<string, object> };
    };
    const isError = ajv.compile(document.components.schemas.Error as object);
    const isChat = ajv.compile(document.components.schemas.ChatCompletion as object);
    const statuses = new Map<number, number>();
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let index = next++; index < FUZZED; index = next++) {
        const { path, ...request } = fuzzedRequest(index);
        const response = await fetch(url + path, { ...request, signal: AbortSignal.timeout(30_000) });
        const text = await response.text();
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        const about = `request ${index}: ${JSON.stringify({ path, ...request }).slice(0, 500)} -> ${response.status} ${text.slice(0, 300)}`;
        expect(response.status, about).toBeLessThan(500);
        if (response.status >= 400 && request.method !== 'HEAD')
          expect(isError(JSON.parse(text)), about).toBe(true);
        if (response.status === 200 && text.startsWith('{"id":"chatcmpl'))
          expect(isChat(JSON.parse(text)), `${about} ${ajv.errorsText(isChat.errors)}`).toBe(true);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(statuses.get(200), JSON.stringify([...statuses])).toBeGreaterThan(FUZZED / 20);
    expect(statuses.get(400)).toBeGreaterThan(FUZZED / 5);
    expect(server.pending).toBe(0);
    expect(logged.filter(([level]) => level === 'error')).toEqual([]);
    expect((await client.chat.completions.create(ask)).choices).toHaveLength(1);
  });

  it('with a body that is too large are refused without reading the rest', async () => {
    expect((await post(JSON.stringify({ ...ask, user: 'x'.repeat(30_000) }))).status).toBe(413);
    const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(4096)) });
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: endless,
      duplex: 'half',
    } as RequestInit).catch(() => undefined);
    // without a response, the server closed the connection before the client read the response
    expect(response?.status ?? 413).toBe(413);
    expect(server.pending).toBe(0);
  });

  it('that are not HTTP get an error, and the server keeps running', async () => {
    for (const bytes of [
      '\u0000\u0001\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
    ]) {
      const answer = await raw(bytes);
      expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d|$)/);
    }
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('that are never completed time out', async () => {
    const start = performance.now();
    const slow = [
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n',
      'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"mod',
    ];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => raw(slow[i % 2] as string)));
    expect(performance.now() - start).toBeLessThan(30_000);
    for (const answer of answers) expect(answer).toMatch(/^(HTTP\/1\.1 408|$)/);
    await expect.poll(() => server.pending).toBe(0);
  });
});

describe('limits', () => {
  it('require an API key where there is a key file, and apply to each key separately', async () => {
    const keys = join(folder, 'keys.json');
    const [alice, bob] = ['alice', 'bob'].map((name) =>
      addKey(keys, { name, created: '', requests_per_minute: 2 }),
    );
    const guarded = await tinyServer({
      agents: embeddedAgents(models),
      options: { keys },
      apiKey: alice as string,
    });
    try {
      expect((await post(JSON.stringify(ask), {}, guarded.url)).status).toBe(401);
      expect((await fetch(`${guarded.url}/metrics`)).status).toBe(401);
      expect((await fetch(`${guarded.url}/healthz`)).status).toBe(200);
      for (let i = 0; i < 2; i++) await guarded.client.chat.completions.create(ask);
      const error = await guarded.client.chat.completions.create(ask).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
      const limited = await post(JSON.stringify(ask), { authorization: `Bearer ${alice}` }, guarded.url);
      expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await post(JSON.stringify(ask), { authorization: `Bearer ${bob}` }, guarded.url)).status).toBe(
        200,
      );
      expect(JSON.stringify(guarded.logged)).not.toContain(alice);
      expect(JSON.stringify(guarded.logged)).not.toContain('1+2=');
    } finally {
      await guarded.server.close();
    }
  });

  it('refuse requests beyond the queue at once, with a time to retry', async () => {
    let respond = (): void => undefined;
    const mayRespond = new Promise<void>((resolve) => {
      respond = resolve;
    });
    const slow = await stubEndpoint(async (response, body) => {
      await mayRespond;
      await answers('4')(response, body);
    });
    const small = await tinyServer({
      agents: [agentAt(slow.url)],
      options: { maxRunning: 2, maxWaiting: 3 },
    });
    try {
      const refused: Response[] = [];
      const statuses = Promise.all(
        Array.from({ length: 12 }, async () => {
          const response = await post(JSON.stringify(ask), {}, small.url);
          if (response.status === 429) refused.push(response);
          return response.status;
        }),
      );
      // all 7 requests over the limit of 5 are refused while the 5 admitted ones are still running
      await expect.poll(() => refused.length).toBe(7);
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
      respond();
      expect((await statuses).sort()).toEqual([...new Array(5).fill(200), ...new Array(7).fill(429)]);
    } finally {
      respond();
      await small.server.close();
      await slow.close();
    }
  });

  it('end a request after the time limit, running or queued', async () => {
    const hanging = await stubEndpoint(BEHAVIORS.hanging);
    const small = await tinyServer({
      agents: [agentAt(hanging.url)],
      options: { maxRunning: 1, requestTimeoutMs: 500 },
    });
    try {
      const ended = await Promise.all([1, 2].map(() => post(JSON.stringify(ask), {}, small.url)));
      for (const response of ended) {
        expect(response.status).toBe(504);
        expect(await response.json()).toMatchObject({ error: { code: 'timeout' } });
      }
    } finally {
      await small.server.close();
      await hanging.close();
    }
  });

  it('refuse other host names and content types, which pages of other origins can send', async () => {
    expect(await raw('GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 403/,
    );
    expect(await raw('GET /v1/models HTTP/1.1\r\nHost: localhost:1\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 200/,
    );
    expect((await post(JSON.stringify(ask), { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('refuse a public address without API keys', async () => {
    const start = tinyServer({ agents: embeddedAgents(models), options: { host: '0.0.0.0' } });
    await expect(start).rejects.toThrow('expected API keys');
  });
});

describe('SIGTERM', () => {
  it('finishes accepted requests, refuses new ones, and exits with code 0', {
    timeout: 120_000,
  }, async () => {
    const agent = new Agent({ keepAlive: true });
    const child = spawn(
      process.execPath,
      ['bin/troupe.mjs', 'serve', 'recipes/quickstart.yaml', '--port', '0'],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    try {
      const address = await new Promise<string>((resolve, reject) => {
        let text = '';
        child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
          const found = /chat +(http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
          if (found !== undefined) resolve(found);
        });
        child.once('exit', (code) => reject(new Error(`exited with ${code}`)));
      });
      const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const terminated = new AbortController();
      /** Requests whose bytes are not yet sent completely. */
      const inFlight = new Set<Promise<void>>();
      let isDone = false;
      const outcomes = { complete: 0, refused: 0, lost: 0, unreached: 0 };
      const sendOne = async (i: number): Promise<void> => {
        const isAfterSignal = terminated.signal.aborted;
        const isStream = i % 2 === 0;
        const messages = [{ role: 'user', content: '12+34+56=' }];
        const { sent, answer } = sendBy(
          agent,
          address,
          JSON.stringify({ ...ask, messages, max_tokens: 32, stream: isStream }),
        );
        inFlight.add(sent);
        const { status, text } = await answer;
        inFlight.delete(sent);
        if (status === undefined) outcomes[isAfterSignal ? 'unreached' : 'lost']++;
        else if (status === 503) outcomes.refused++;
        else {
          const isComplete = status === 200 && text.endsWith(isStream ? 'data: [DONE]\n\n' : '}');
          outcomes[isComplete ? 'complete' : 'lost']++;
        }
      };
      await sendOne(0);
      const load = Array.from({ length: 24 }, async (_, w) => {
        for (let i = 0; !isDone; i++) await sendOne(w + i);
        if (!terminated.signal.aborted) await once(terminated.signal, 'abort');
        await sendOne(w); // every client sends one more request after the signal
      });
      await expect.poll(() => outcomes.complete, { interval: 10 }).toBeGreaterThan(30);
      isDone = true;
      // waits until every started request is sent, because the server cannot have accepted a request that is
      // not
      await Promise.all(inFlight);
      child.kill('SIGTERM');
      terminated.abort();
      await Promise.all(load);
      expect(await exited).toBe(0);
      expect(outcomes.lost, JSON.stringify(outcomes)).toBe(0);
      expect(outcomes.refused + outcomes.unreached, JSON.stringify(outcomes)).toBeGreaterThan(0);
    } finally {
      child.kill('SIGKILL');
      agent.destroy();
    }
  });

  it('is handled as soon as the URL is printed', async () => {
    const child = spawn(
      process.execPath,
      ['bin/troupe.mjs', 'serve', 'recipes/quickstart.yaml', '--port', '0'],
      { cwd: root, env: signalsItself('SIGTERM', { lines: 1 }), stdio: ['ignore', 'pipe', 'ignore'] },
    );
    child.stdout.resume();
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it('does not lose a request that was sent before, even if the process is blocked for longer than the grace period', async () => {
    const blocked = await tinyServer({ agents: embeddedAgents(models) });
    const request = 'GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n';
    let closed: Promise<void> | undefined;
    const responses = await raw(request, {
      to: blocked.url,
      // when the server starts to close, it has seen only an idle connection; the second request is sent but
      // not yet read
      onData: (socket) => {
        if (closed !== undefined) return;
        socket.write(request);
        closed = blocked.server.close();
        const end = performance.now() + 500;
        while (performance.now() < end) {} // the loop blocks the process, so the server reads no connection
      },
    });
    expect(responses.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(responses).toMatch(/connection: close/i);
    await closed;
  });
});

/**
 * Sends a chat request. @returns a promise that resolves when the request is sent, and a promise of the
 * response; the response has no status if the connection broke
 */
function sendBy(
  agent: Agent,
  to: string,
  body: string,
): {
  readonly sent: Promise<void>;
  readonly answer: Promise<{ readonly status?: number; readonly text: string }>;
} {
  const outgoing = request(`${to}/v1/chat/completions`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json' },
  });
  const sent = new Promise<void>((resolve) => {
    outgoing.once('finish', resolve).once('close', resolve);
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject);
  }).then(
    async (response) => ({
      status: response.statusCode as number,
      text: await textOf(response).catch(() => ''),
    }),
    () => ({ text: '' }),
  );
  outgoing.end(body);
  return { sent, answer };
}

/** Sends bytes. @returns the response after the server has closed the connection */
function raw(
  bytes: string,
  { to = url, onData }: { to?: string; onData?: (socket: Socket) => void } = {},
): Promise<string> {
  const { hostname, port } = new URL(to);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      onData?.(socket);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}
