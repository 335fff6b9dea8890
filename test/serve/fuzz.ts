/** Generates malformed and unusual requests. The index of a request determines its content. */
import { type RandomStream, randomStream } from '../../src/core/rng.ts';

const STRANGE: readonly unknown[] = [
  ...[
    null,
    true,
    false,
    0,
    -1,
    1,
    2,
    0.5,
    1e308,
    -1e308,
    2 ** 53,
    1e-320,
    '',
    'a',
    'team',
    '\u0000',
    '\ud800',
    '\u{1F600}',
  ],
  ...[
    [],
    {},
    [[]],
    [null],
    [1, 2, 3],
    ['a'],
    [{}],
    { a: 1 },
    { __proto__: null },
    '1'.repeat(3000),
    '<|end|>',
    '<|user|>',
  ],
];
const ROLES = ['system', 'user', 'assistant', 'developer', 'tool', 'robot', 1, null];
const FIELDS = [
  ...[
    'model',
    'messages',
    'prompt',
    'n',
    'temperature',
    'top_p',
    'max_tokens',
    'max_completion_tokens',
    'stop',
    'seed',
    'stream',
  ],
  ...[
    'stream_options',
    'logprobs',
    'top_logprobs',
    'user',
    'metadata',
    'store',
    'tools',
    'tool_choice',
    'response_format',
    'logit_bias',
  ],
  ...[
    'frequency_penalty',
    'presence_penalty',
    'echo',
    'best_of',
    'suffix',
    'troupe',
    'modalities',
    '__proto__',
    'constructor',
    'x',
  ],
];

export interface FuzzedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

export function fuzzedRequest(index: number): FuzzedRequest {
  const stream = randomStream(77, index);
  const pick = <T>(from: readonly T[]): T => from[stream.int(from.length)] as T;
  const chat = stream.uniform() < 0.7;
  const path =
    stream.uniform() < 0.93
      ? chat
        ? '/v1/chat/completions'
        : '/v1/completions'
      : pick([
          '/v1/models',
          '/v1/models/%ff',
          '/v1/models/team',
          '/v1/x',
          '/',
          '/healthz',
          '/v1//chat/completions',
          '/%00',
        ]);
  const method =
    stream.uniform() < 0.95 ? 'POST' : pick(['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']);
  const headers: Record<string, string> = {
    'content-type':
      stream.uniform() < 0.96
        ? 'application/json'
        : pick(['text/plain', '', 'application/json; charset=utf-16']),
  };
  if (stream.uniform() < 0.1) headers['x-request-id'] = pick(['a', 'x'.repeat(500), '../..', 'ok-1']);
  if (stream.uniform() < 0.05) headers.authorization = pick(['Bearer', 'Bearer x', 'Basic eA==']);
  if (method === 'GET' || method === 'HEAD') return { method, path, headers };
  return { method, path, headers, body: bodyText(stream, chat) };
}

function bodyText(stream: RandomStream, chat: boolean): string {
  const pick = <T>(from: readonly T[]): T => from[stream.int(from.length)] as T;
  const kind = stream.uniform();
  if (kind < 0.04)
    return pick([
      '',
      '{',
      'null',
      '[]',
      '1',
      '"a"',
      '{"a":1',
      `${'['.repeat(20_000)}`,
      '{"model":"team","model":1}',
      '\ufeff{}',
      `{"messages":${'[{"a":'.repeat(5000)}`,
    ]);
  const message = (): unknown =>
    stream.uniform() < 0.85
      ? {
          role: stream.uniform() < 0.8 ? 'user' : pick(ROLES),
          content: stream.uniform() < 0.7 ? '1+2='.repeat(1 + stream.int(3)) : pick(STRANGE),
        }
      : pick(STRANGE);
  const body: Record<string, unknown> = {
    model: stream.uniform() < 0.9 ? pick(['team', 'agent_0', 'agent_1']) : pick(STRANGE),
    ...(chat
      ? { messages: Array.from({ length: 1 + stream.int(3) }, message) }
      : { prompt: stream.uniform() < 0.6 ? '1+2=' : pick(STRANGE) }),
    max_tokens: 1 + stream.int(4),
  };
  if (stream.uniform() < 0.2) body.stream = true;
  for (let changes = stream.int(3); changes > 0; changes--)
    Object.defineProperty(body, pick(FIELDS), {
      value: pick(STRANGE),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  const text = JSON.stringify(body);
  // corrupt some of the bodies, so that they are not valid JSON
  if (kind < 0.08) return text.slice(0, stream.int(text.length + 1));
  if (kind < 0.12) return text.replace(/[{}":,]/, () => pick(['', '}', '"', '\\', '\u0000']));
  return text;
}
