/**
 * Tests HTTP behaviour around the endpoints: unknown URLs, methods, headers, body encodings, metrics, and
 * closing.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { serve } from '../../src/app/serve.ts';
import type { ServedAgent } from '../../src/serve/agent/served-agent.ts';
import { tinyServer } from './tiny-server.ts';

/** Answers every request with "4". */
const agent: ServedAgent = {
  ...{ name: 'a', kind: 'embedded', close: async () => undefined },
  health: () => ({ ready: true, state: 'loaded', running: 0, waiting: 0 }),
  generate: async ({ onDelta }) => {
    onDelta?.({ text: '4', logprobs: [] });
    return {
      ...{ text: '4', finish: 'stop', meanLogp: 0, logprobs: [], attempts: 1 },
      usage: { promptTokens: 2, completionTokens: 1 },
    };
  },
};
const GlobalRequest = globalThis.Request;
const { server, url, logged } = await tinyServer({ agents: [agent], protocol: 'relay' });
afterAll(() => server.close());

const body = JSON.stringify({ model: 'team', messages: [{ role: 'user', content: '2+2=' }] });
const post = (init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    ...init,
  });

describe('a request', () => {
  it('for an unknown URL gets a 404, with another method a 405 that names the allowed ones', async () => {
    const unknown = await fetch(`${url}/v1/chat`);
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { code: 'unknown_url', param: null } });
    for (const [path, method, allow] of [
      ['/v1/chat/completions', 'GET', 'POST'],
      ['/v1/completions', 'DELETE', 'POST'],
      ['/healthz', 'POST', 'GET, HEAD'],
    ] as const) {
      const response = await fetch(url + path, { method });
      expect([response.status, response.headers.get('allow')], path).toEqual([405, allow]);
      expect(await response.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
    }
  });

  it('keeps its id if that is plain, and gets a new one otherwise', async () => {
    for (const [id, isKept] of [
      ['ok-1', true],
      ['x'.repeat(65), false],
      ['../..', false],
    ] as const) {
      const response = await fetch(`${url}/v1/models`, { headers: { 'x-request-id': id } });
      expect(response.headers.get('x-request-id') === id, id).toBe(isKept);
      expect(logged.at(-1)?.[1]).toMatchObject({ request_id: response.headers.get('x-request-id') });
    }
  });

  it('gets security headers, also with an error', async () => {
    for (const path of ['/', '/v1/models', '/nowhere']) {
      const { headers } = await fetch(url + path);
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      expect(headers.get('content-security-policy'), path).toContain("default-src 'none'");
      expect(headers.get('x-frame-options'), path).toBe('DENY');
    }
  });

  it('may have a chunked body', async () => {
    const chunks = new ReadableStream({
      start(controller) {
        for (const character of body) controller.enqueue(new TextEncoder().encode(character));
        controller.close();
      },
    });
    const response = await post({ body: chunks, duplex: 'half' } as RequestInit);
    expect(response.status, await response.text()).toBe(200);
  });

  it('of HTTP/1.0 gets a stream without chunked encoding', async () => {
    const stream = body.replace('{', '{"stream": true, ');
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname).setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.write(
      `POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${stream.length}\r\n\r\n${stream}`,
    );
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text).toMatch(/\r\n\r\ndata: \{/);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('is counted by route, never by its URL, and by agent', async () => {
    await post();
    await fetch(`${url}/secret-path`);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/troupe_requests_total\{route="\/v1\/chat\/completions",code="200"\} \d/);
    expect(metrics).toContain('route="other",code="404"');
    expect(metrics).toMatch(/troupe_agent_messages_total\{agent="a",status="answered"\} \d/);
    expect(metrics).toContain('troupe_agent_ready{agent="a"} 1');
    expect(metrics).not.toContain('secret-path');
  });
});

describe('a server', () => {
  it('leaves the global classes unchanged', () => {
    expect(globalThis.Request).toBe(GlobalRequest);
  });

  it('closes when its signal aborts, and does not start with an aborted signal', async () => {
    const controller = new AbortController();
    const { url: closing } = await tinyServer({ agents: [agent], signal: controller.signal });
    expect((await fetch(`${closing}/healthz`)).status).toBe(200);
    controller.abort(new Error('aborted'));
    await expect
      .poll(() =>
        fetch(`${closing}/healthz`).then(
          ({ status }) => status,
          () => 'closed',
        ),
      )
      .toBe('closed');
    await expect(tinyServer({ agents: [agent], signal: controller.signal })).rejects.toThrow('aborted');
  });
});

describe('serve', () => {
  it('serves a team file from code, until it is closed', async () => {
    const running = await serve({ team: 'recipes/quickstart.yaml', port: 0, minAgents: 1 });
    const { data } = (await (await fetch(`${running.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['team', ...running.team.agents.map(({ name }) => name)]);
    await running.close();
    await running.closed;
    await expect(fetch(`${running.url}/healthz`)).rejects.toThrow();
  });

  it('closes when its signal aborts', async () => {
    const controller = new AbortController();
    const running = await serve({ team: 'recipes/quickstart.yaml', port: 0, signal: controller.signal });
    controller.abort();
    await running.closed;
    await expect(fetch(`${running.url}/healthz`)).rejects.toThrow();
  });
});
