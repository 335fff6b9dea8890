/** An engine on a worker that was there before it: how long it says that it lives. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { PROTOCOL, WORKER_VERSION } from './connection.ts';
import { testEngine } from './testing/python.ts';

const HELLO = JSON.stringify({ name: 'troupe-worker', version: WORKER_VERSION, protocol: PROTOCOL });

afterEach(() => {
  vi.useRealTimers();
});

it('gives signs of life from its opening to its end, however soon that comes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let hear = (_answer: () => void): void => undefined;
  const server = createServer((_, response) => hear(() => response.end(HELLO)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const engine = testEngine({ address: { url: `http://127.0.0.1:${port}`, token: 'secret' } });
  /** Begins to open it. @returns what lets the worker answer, and the opening */
  const open = async () => {
    const knock = new Promise<() => void>((resolve) => {
      hear = resolve;
    });
    const opened = engine.worker();
    return { answer: await knock, opened };
  };
  try {
    const first = await open();
    const closing = engine.close();
    const again = await open(); // before the first has heard anything
    again.answer();
    await again.opened;
    first.answer();
    await closing;
    expect(vi.getTimerCount()).toBe(1);
    await engine.close();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
