/**
 * An OpenAI-compatible endpoint for tests. Its response is configurable: it answers, fails, stalls,
 * truncates, or sends implausible data.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How the endpoint responds to one request. */
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

/** Returns a behavior that streams a text, one character per token. */
export const answers =
  (text: string, logprob = -0.5): Behavior =>
  (response) => {
    begin(response);
    for (const letter of text) response.write(piece(letter, logprob));
    response.write(end('stop'));
    response.write(event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: text.length } }));
    response.end(event('[DONE]'));
  };

export const BEHAVIORS = {
  failing: (response) => void response.writeHead(500).end('{"error": {"message": "out of memory"}}'),
  rateLimited: (response) => void response.writeHead(429, { 'retry-after': '0' }).end('{}'),
  unauthorized: (response) => void response.writeHead(401).end('{"error": {"message": "bad key"}}'),
  hanging: () => undefined,
  stalling: (response) => void begin(response).write(piece('4')),
  disconnecting: (response) => {
    begin(response).write(piece('4'));
    setTimeout(() => response.destroy(), 5);
  },
  truncated: (response) => void begin(response).end(piece('4')),
  html: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works</h1>'),
  invalidJson: (response) => void begin(response).end(event('{"choices": [')),
  wrongTypes: (response) => void begin(response).end(event({ choices: [{ delta: { content: 42 } }] })),
  errorEvent: (response) => void begin(response).end(event({ error: { message: 'no' } })),
  endlessEvent: (response) => {
    begin(response);
    const more = (): void => {
      if (!response.destroyed && response.write(`data: ${'x'.repeat(1 << 16)}`)) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  },
} satisfies Record<string, Behavior>;

/** Returns a behavior that responds with JSON, although the request is for a stream. */
export const answersJson =
  (body: unknown): Behavior =>
  (response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/**
 * A behavior that reports too many tokens and probabilities above 1, and writes more text than `max_tokens`
 * allows.
 */
export const implausible: Behavior = (response, { max_tokens: maxTokens }) => {
  begin(response);
  for (let i = 0; i < 200 + Number(maxTokens) * 40; i++) response.write(piece('7', 3));
  response.write(end('stop'));
  response.write(event({ choices: [], usage: { prompt_tokens: 1e9, completion_tokens: 1e9 } }));
  response.end(event('[DONE]'));
};

export interface StubEndpoint {
  readonly url: string;
  readonly server: Server;
  /** Bodies of all requests. */
  readonly requests: Record<string, unknown>[];
  /** Headers of the last request. */
  headers: IncomingMessage['headers'];
  /** How the endpoint responds. An assignment takes effect from the next request on. */
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
      stub.requests.push(body);
      stub.headers = request.headers;
      void stub.behavior(response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub: StubEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    server,
    requests: [],
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
