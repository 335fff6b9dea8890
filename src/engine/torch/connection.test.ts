import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Connection, type ConnectionOptions, PROTOCOL } from './connection.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';

const servers: Server[] = [];
const connections: Connection[] = [];

afterEach(() => {
  for (const connection of connections.splice(0)) connection.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Starts an HTTP server with the given listener in place of a worker, and connects to it. */
async function worker(
  listener: RequestListener,
  options: Partial<ConnectionOptions> = {},
): Promise<Connection> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const connection = new Connection({ url: `http://127.0.0.1:${port}`, token: 'secret', ...options });
  connections.push(connection);
  return connection;
}

async function frameOf(request: AsyncIterable<unknown>): Promise<Frame> {
  const reader = new FrameReader();
  for await (const bytes of request) for (const frame of reader.read(bytes as Buffer)) return frame;
  throw new Error('no frame');
}

const encoded = (header: object, arrays = {}): Buffer => Buffer.concat(encodeFrame({ ...header }, arrays));
const result = (value: object = {}): Buffer => encoded({ kind: 'result', value });

describe('hello', () => {
  it('rejects a wrong token, another version and other servers with one-line errors', async () => {
    const cases: readonly (readonly [RequestListener, RegExp])[] = [
      [(_, response) => response.writeHead(401).end(), /does not accept this token; set TROUPE_WORKER_TOKEN/],
      [
        (_, response) =>
          response.end(JSON.stringify({ name: 'troupe-worker', version: '9.1.0', protocol: PROTOCOL + 1 })),
        /^engine torch: expected a worker with protocol version 5, got 6 \(troupe-worker 9\.1\.0 at .*\); install/,
      ],
      [
        (_, response) =>
          response.end(JSON.stringify({ name: 'troupe-worker', version: '0.0.9', protocol: PROTOCOL })),
        /^engine torch: expected troupe-worker \d+\.\d+\.\d+, got 0\.0\.9 at http:.*; install the worker/,
      ],
      [(_, response) => response.end('<html>'), /expected a troupe worker at http:.*, got another server/],
      [(_, response) => response.end('null'), /expected a troupe worker at http:.*, got another server/],
      [(_, response) => response.writeHead(404).end(), /expected a troupe worker at .*, got HTTP 404/],
    ];
    for (const [listener, message] of cases) {
      const connection = await worker(listener);
      await expect(connection.hello()).rejects.toThrow(message);
    }
  });

  it('fails after helloMs, without a retry, if a server accepts the connection but sends no complete answer', async () => {
    let asked = 0;
    const mute: RequestListener = () => void asked++;
    const mumbling: RequestListener = (_, response) => {
      asked++;
      response.write('{');
    };
    for (const listener of [mute, mumbling]) {
      const connection = await worker(listener, { helloMs: 150 });
      await expect(connection.hello()).rejects.toMatchObject({
        message: expect.stringMatching(
          /^engine torch hello: expected an answer from http:\S+ within 0\.15 s, got none; check that it is a troupe worker/,
        ),
        code: 'TROUPE_WORKER_SILENT',
      });
    }
    // each of the two servers receives at most one request, or none if this process was suspended for longer
    // than `helloMs`
    expect(asked).toBeLessThanOrEqual(2);
  });

  it('reports an address that does not answer, the number of tries and the time', async () => {
    const connection = new Connection({ url: 'http://127.0.0.1:9', token: '', retryMs: 150 });
    await expect(connection.hello()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^engine torch hello: no answer from http:\/\/127.0.0.1:9 after \d tries .*; start a worker there with "troupe worker up"$/,
      ),
      code: 'TROUPE_WORKER_LOST',
      retryable: true,
    });
  });
});

describe('a call', () => {
  it('is retried with the same operation id after a lost response, and reports every frame once', async () => {
    const operations: unknown[] = [];
    const connection = await worker(async (request, response) => {
      operations.push((await frameOf(request)).header.operation);
      response.write(encoded({ kind: 'messages', n: 0 }));
      if (operations.length === 1) {
        response.write(result().subarray(0, 10));
        setTimeout(() => response.destroy(), 20);
      } else if (operations.length === 2) {
        response.end(); // the response ends without a result frame
      } else {
        response.write(encoded({ kind: 'heartbeat' }));
        response.write(encoded({ kind: 'messages', n: 1 }));
        response.end(result({ answer: 42 }));
      }
    });
    const received: unknown[] = [];
    const frame = await connection.call({
      call: 'sample',
      model: 'm',
      onFrame: ({ header }) => received.push(header.n),
    });
    expect(frame.header.value).toEqual({ answer: 42 });
    expect(received).toEqual([0, 1]);
    expect(operations).toHaveLength(3);
    expect(new Set(operations).size).toBe(1);
  });

  it('is retried when the worker sends nothing for silenceMs', async () => {
    let calls = 0;
    const connection = await worker(
      (_, response) => {
        if (++calls > 1) response.end(result());
      },
      { silenceMs: 200 },
    );
    await connection.call({ call: 'step', model: 'm' });
    // there are more than 2 calls if a response arrived while this process was suspended
    expect(calls).toBeGreaterThan(1);
  });

  it('is cancelled on the worker when its signal aborts', async () => {
    const controller = new AbortController();
    let cancelled: (header: Frame['header']) => void = () => {};
    const told = new Promise<Frame['header']>((resolve) => {
      cancelled = resolve;
    });
    let asked: unknown;
    const connection = await worker(async (request, response) => {
      const { header } = await frameOf(request);
      if (request.url === '/v1/cancel') {
        response.end(result());
        cancelled(header);
      } else {
        asked = header.operation;
        controller.abort(new Error('enough'));
      }
    });
    const call = connection.call({ call: 'forward', model: 'm', signal: controller.signal });
    await expect(call).rejects.toThrow('enough');
    expect((await told).operation).toBe(asked);
  });

  it('causes no uncaught error when it is aborted while the end of its response is read', async () => {
    // Vitest fails the test run if there is an uncaught error
    const connection = await worker((request, response) => {
      request.resume().on('end', () => {
        response.write(encoded({ kind: 'token' }));
        response.end(result());
      });
    });
    for (let round = 0; round < 10; round++) {
      const controller = new AbortController();
      const onFrame = () => controller.abort(new Error('enough'));
      const call = connection.call({ call: 'generate', model: 'm', signal: controller.signal, onFrame });
      await call.catch((error: Error) => expect(error.message).toBe('enough'));
    }
  });

  it('rejects and reports no further frames after an abort, even if the whole response has arrived', async () => {
    const connection = await worker((request, response) => {
      const frames = [0, 1].map((n) => encoded({ kind: 'messages', n }));
      request.resume().on('end', () => response.end(Buffer.concat([...frames, result()])));
    });
    const controller = new AbortController();
    const received: unknown[] = [];
    const onFrame = ({ header }: Frame) => {
      received.push(header.n);
      controller.abort(new Error('enough'));
    };
    const call = connection.call({ call: 'sample', model: 'm', signal: controller.signal, onFrame });
    await expect(call).rejects.toThrow('enough');
    expect(received).toEqual([0]);
  });

  it('fails at once if the worker process has exited', async () => {
    const connection = new Connection({
      url: 'http://127.0.0.1:9',
      token: '',
      death: () => 'the worker died (killed by SIGKILL)',
    });
    await expect(connection.call({ call: 'backward', model: 'm' })).rejects.toThrow(
      'engine torch backward: the worker died (killed by SIGKILL); a run that was training is saved, resume it',
    );
  });

  it.each([
    ['model', 'ConfigError', 'no config.json'],
    ['store', 'StoreError', 'no config.json'],
    ['memory', 'EngineError', 'engine torch load: no config.json'],
  ])('throws the worker error of kind "%s" as the matching class', async (kind, name, message) => {
    const connection = await worker((_, response) =>
      response.end(encoded({ kind: 'error', error: { kind, message: 'no config.json' } })),
    );
    await expect(connection.call({ call: 'load' })).rejects.toMatchObject({ name, message });
  });
});
