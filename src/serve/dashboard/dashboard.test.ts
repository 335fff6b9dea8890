/** Tests of the dashboard's server: routes, allowed host names, security headers, and the event stream. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  RunSummary,
  StreamMessage,
  TranscriptPrompt,
  TranscriptRow,
} from '../../watch/dashboard-api.ts';
import { makeRun } from '../../watch/testing/made-run.ts';
import { type WatchedRuns, watchRuns } from '../../watch/watched-runs.ts';
import { createDashboardApp } from './app.ts';
import { assertPortFree, type Dashboard, startDashboard } from './server.ts';

let dir: string;
let watched: WatchedRuns;
let dashboard: Dashboard;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'troupe-dashboard-'));
  makeRun(join(dir, 'run'), { stages: 6, agents: 2, played: 4 });
  watched = watchRuns([join(dir, 'run')], { pollIntervalMs: 20 });
  dashboard = await startDashboard(watched, 0);
});
afterAll(async () => {
  await dashboard.close();
  watched.close();
  rmSync(dir, { recursive: true, force: true });
});

const get = (path: string): Promise<Response> => fetch(new URL(path, dashboard.url));

const json = async <T>(path: string): Promise<T> => (await (await get(path)).json()) as T;

describe('the server', () => {
  it('serves the page with a policy that allows no other origin', async () => {
    for (const path of ['/', '/app.js', '/app.css']) {
      const response = await get(path);
      expect(response.status).toBe(200);
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/https?:|unsafe|\*/);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.text()).not.toMatch(/<script[^>]+src="https?:/);
    }
  });

  it('returns the facts of a run', async () => {
    const [run] = await json<readonly RunSummary[]>('/api/runs');
    expect(run).toMatchObject({
      id: '0',
      label: 'run',
      facts: { task: 'made-up', protocol: 'vote', gate: 'promotion' },
    });
    const prompts = await json<readonly TranscriptPrompt[]>('/api/runs/0/prompts');
    expect(prompts).toHaveLength(4);
    const rows = await json<readonly TranscriptRow[]>(
      `/api/runs/0/transcripts?item=${prompts[0]?.item}&stage=2`,
    );
    expect(rows[0]).toMatchObject({ stage: 2, reason: 'expected 1' });
    expect(await (await get('/api/runs/0/metrics.csv')).text()).toMatch(/^stage,/);
    expect(await (await get('/api/compare')).json()).toMatchObject([{ run: '0', evaluation: { stage: 4 } }]);
  });

  it('answers unknown URLs with 404 and invalid parameters with 400', async () => {
    expect((await get('/api/runs/7/prompts')).status).toBe(404);
    expect((await get('/etc/passwd')).status).toBe(404);
    expect((await get('/api/runs/0/transcripts?item=x&stage=../../x')).status).toBe(400);
    expect((await fetch(dashboard.url, { method: 'POST' })).status).toBe(404);
  });

  it('answers only to local host names', async () => {
    const app = createDashboardApp(watched);
    const statusFor = async (host: string) => (await app.request('/api/runs', { headers: { host } })).status;
    for (const host of ['localhost:4600', '127.0.0.1:1', '[::1]:80', 'localhost'])
      expect(await statusFor(host)).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', ''])
      expect(await statusFor(host)).toBe(403);
  });

  it('listens only on its loopback address', async () => {
    const { port } = new URL(dashboard.url);
    const other = '127.0.0.2'; // a loopback address, but not the one on which the dashboard listens
    const outcome = await new Promise((resolve) => {
      const socket = connect(Number(port), other, () => resolve('connected'));
      socket.on('error', ({ message }) => resolve(message));
    });
    expect(outcome).toMatch(/ECONNREFUSED/);
  });

  it('fails in one line if the port is in use', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const expected = `dashboard: expected a free port, got ${port}, one in use; choose another, or 0 for any free one`;
    await expect(startDashboard(watched, port)).rejects.toThrow(expected);
    await expect(assertPortFree(port)).rejects.toThrow(expected);
    taken.close();
  });
});

describe('the stream', () => {
  it('starts with all rows, then sends new rows when they are written', async () => {
    const abort = new AbortController();
    const response = await fetch(new URL('/api/stream', dashboard.url), { signal: abort.signal });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const messages = messagesOf(response);
    const first = (await messages.next()).value as StreamMessage;
    expect(first.restarted).toBe(true);
    expect(first.rows.filter(({ kind }) => kind === 'update')).toHaveLength(8);
    expect(first.rows.some((row) => row.kind === 'stage_evaluation' && 'rewards' in row)).toBe(false);
    appendFileSync(join(dir, 'run', 'events.jsonl'), '{"kind":"warning","stage":4,"message":"new"}\n');
    expect((await messages.next()).value).toEqual({
      run: '0',
      restarted: false,
      rows: [{ kind: 'warning', stage: 4, message: 'new' }],
    });
    abort.abort();
  });
});

async function* messagesOf(response: Response): AsyncGenerator<StreamMessage> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield JSON.parse(data) as StreamMessage;
    }
  }
}
