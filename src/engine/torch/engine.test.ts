/** Tests keep-alive pings of an engine that connects to a running worker. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { PROTOCOL, WORKER_VERSION } from './connection.ts';
import { testEngine } from './testing/python.ts';

const HELLO = JSON.stringify({ name: 'troupe-worker', version: WORKER_VERSION, protocol: PROTOCOL });

afterEach(() => {
  vi.useRealTimers();
});

it('sends pings until close, even if close is called before the connection is open', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  let hear = (_answer: () => void): void => undefined;
  const server = createServer((_, response) => hear(() => response.end(HELLO)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const engine = testEngine({ address: { url: `http://127.0.0.1:${port}`, token: 'secret' } });
  /** Starts to connect. @returns a function that makes the worker answer, and the promise of the connection */
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
    const again = await open(); // the second connection opens before the worker has answered the first one
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
