/**
 * A hub for tests, on the loopback address. It serves one model from memory with the responses of the real
 * hub. Tests can replace responses to simulate failures.
 * @module
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const COMMIT = 'a'.repeat(40);

export interface FakeHub {
  readonly endpoint: string;
  /** All requests so far, as `GET /path`. */
  readonly requests: string[];
  /** Returns the headers of the newest request. */
  readonly lastHeaders: () => IncomingMessage['headers'];
  close(): Promise<void>;
}

export interface FakeHubOptions {
  readonly repo: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Names of files in large file storage (LFS), which the hub lists with a SHA-256. */
  readonly large?: readonly string[];
  /** Handles a request instead of the hub. @returns whether it sent a response */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export async function startFakeHub(options: FakeHubOptions): Promise<FakeHub> {
  const requests: string[] = [];
  let headers: IncomingMessage['headers'] = {};
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url?.replace(/\?.*$/, '')}`);
    headers = request.headers;
    if (options.intercept?.(request, response)) return;
    answer(options, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    lastHeaders: () => headers,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  { repo, files, large = [] }: FakeHubOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = decodeURIComponent((request.url ?? '').replace(/\?.*$/, ''));
  const json = (value: unknown): void => {
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value));
  };
  if (path.startsWith(`/api/models/${repo}/revision/`)) {
    json({ _id: '1', id: repo, sha: COMMIT, private: false, gated: false, downloads: 0, likes: 0 });
    return;
  }
  if (path === `/api/models/${repo}/tree/${COMMIT}`) {
    const isRecursive = /[?&]recursive=true/.test(request.url ?? '');
    const listed = Object.entries(files).filter(([name]) => isRecursive || !name.includes('/'));
    json(listed.map(([name, bytes]) => entry(name, bytes, large.includes(name))));
    return;
  }
  const name = path.startsWith(`/${repo}/resolve/${COMMIT}/`) ? path.split('/').slice(5).join('/') : '';
  const bytes = files[name];
  if (bytes === undefined) {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"Repository not found"}');
    return;
  }
  sendRange(bytes, request, response);
}

function sendRange(bytes: Uint8Array, request: IncomingMessage, response: ServerResponse): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const from = Number(range?.[1] ?? 0);
  const to = range?.[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
  response.writeHead(range ? 206 : 200, {
    'Content-Length': to - from,
    ETag: `"${sha1(bytes)}"`,
    ...(range && { 'Content-Range': `bytes ${from}-${to - 1}/${bytes.length}` }),
  });
  response.end(bytes.subarray(from, to));
}

function entry(path: string, bytes: Uint8Array, isLarge: boolean): object {
  const size = bytes.length;
  const lfs = { oid: createHash('sha256').update(bytes).digest('hex'), size, pointerSize: 130 };
  return { type: 'file', path, size, oid: sha1(bytes), ...(isLarge && { lfs }) };
}

function sha1(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
