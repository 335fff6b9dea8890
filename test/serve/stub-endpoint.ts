/** An OpenAI-compatible endpoint that behaves, fails, stalls, truncates or lies, as it is told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What it does with one request. */
export type Behavior = (response: ServerResponse, body: Record<string, unknown>) => void | Promise<void>;

const event = (value: object | string): string =>
  `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;

const begin = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });

const piece = (content: string, logprob?: number): string =>
  event({
    choices: [
      {
        index: 0,
        delta: { content },
        ...(logprob === undefined
          ? {}
          : { logprobs: { content: [{ token: content, logprob, top_logprobs: [] }] } }),
      },
    ],
  });

const end = (finish: string): string => event({ choices: [{ index: 0, delta: {}, finish_reason: finish }] });

/** Says a text, a letter per token. */
export const says =
  (text: string, logprob = -0.5): Behavior =>
  (response) => {
    begin(response);
    for (const letter of text) response.write(piece(letter, logprob));
    response.write(end('stop'));
    response.write(event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: text.length } }));
    response.end(event('[DONE]'));
  };

export const BEHAVIORS = {
  refuses: (response) => void response.writeHead(500).end('{"error": {"message": "out of memory"}}'),
  limits: (response) => void response.writeHead(429, { 'retry-after': '0' }).end('{}'),
  rejects: (response) => void response.writeHead(401).end('{"error": {"message": "bad key"}}'),
  hangs: () => undefined,
  stalls: (response) => void begin(response).write(piece('4')),
  truncates: (response) => {
    begin(response).write(piece('4'));
    setTimeout(() => response.destroy(), 5);
  },
  ends: (response) => void begin(response).end(piece('4')),
  html: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works</h1>'),
  garbage: (response) => void begin(response).end(event('{"choices": [')),
  numbers: (response) => void begin(response).end(event({ choices: [{ delta: { content: 42 } }] })),
  scolds: (response) => void begin(response).end(event({ error: { message: 'no' } })),
  floods: (response) => {
    begin(response);
    const more = (): void => {
      if (!response.destroyed && response.write(`data: ${'x'.repeat(1 << 16)}`)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  },
} satisfies Record<string, Behavior>;

/** Answers whole, though asked for a stream. */
export const answersJson =
  (body: unknown): Behavior =>
  (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** Claims what cannot be: tokens it did not write, chances above 1, more text than it was allowed. */
export const liar: Behavior = (response, { max_tokens: most }) => {
  begin(response);
  for (let i = 0; i < 200 + Number(most) * 40; i++) response.write(piece('7', 3));
  response.write(end('stop'));
  response.write(event({ choices: [], usage: { prompt_tokens: 1e9, completion_tokens: 1e9 } }));
  response.end(event('[DONE]'));
};

export interface StubEndpoint {
  readonly url: string;
  readonly server: Server;
  /** Bodies it was sent, and the headers of the last. */
  readonly asked: Record<string, unknown>[];
  headers: IncomingMessage['headers'];
  /** What it does from now on. */
  behavior: Behavior;
  close(): Promise<void>;
}

export async function stubEndpoint(behavior: Behavior): Promise<StubEndpoint> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const body = JSON.parse(text) as Record<string, unknown>;
      stub.asked.push(body);
      stub.headers = request.headers;
      void stub.behavior(response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: StubEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    server,
    asked: [],
    headers: {},
    behavior,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return stub;
}
