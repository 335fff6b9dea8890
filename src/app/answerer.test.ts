import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createOnnxEngine } from '../engine/onnx/engine.ts';
import { tinyModel } from '../engine/onnx/testing/tiny-model.ts';
import { ConfigError, EngineError } from '../support/errors.ts';
import type { QuestionWithStream } from '../task/task.ts';
import { createAnswerer } from './answerer.ts';

const sampling = { temperature: 0.7, topP: 0.7, maxTokens: 6 };
const ask = (text: string, seed: number): QuestionWithStream => ({
  messages: [{ role: 'user', content: text }],
  stream: randomStream(seed),
});
const noModel = (): Promise<never> => Promise.reject(new Error('expected no model to be loaded'));

/** Starts an endpoint that answers each question with the reversed question, or with an error status. */
async function endpoint(
  status = 200,
): Promise<{ url: string; seen: Record<string, unknown>[]; close: () => void }> {
  const seen: Record<string, unknown>[] = [];
  const read = async (request: IncomingMessage): Promise<string> => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    return text;
  };
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await read(request)) as { messages: { content: string }[] };
    seen.push({ ...body, key: request.headers.authorization });
    if (status !== 200) return void response.writeHead(status).end('{"error":{"message":"no"}}');
    const content = [...(body.messages.at(-1)?.content ?? '')].reverse().join('');
    const chunk = { choices: [{ index: 0, delta: { content }, finish_reason: 'stop' }] };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, seen, close: () => void server.close() };
}

describe('createAnswerer', () => {
  it('samples the same answer for the same stream, independently of other questions', async () => {
    const engine = createOnnxEngine({ threads: 1 });
    let loaded = 0;
    const answerer = createAnswerer(
      { source: { kind: 'folder', path: 'x' }, ...sampling },
      {
        loadModel: (folder) => {
          expect(folder).toBe('x');
          loaded++;
          return tinyModel(engine);
        },
        environment: {},
      },
    );
    expect(loaded).toBe(0);
    const three = await answerer.answer([ask('a', 1), ask('b', 2), ask('a', 3)]);
    expect(await answerer.answer([ask('b', 2)])).toEqual([three[1]]);
    expect(await answerer.answer([])).toEqual([]);
    expect(three.join('')).not.toBe('');
    expect(loaded).toBe(1);
    await engine.close();
  });

  it('sends an endpoint the sampling parameters, a seed, and the API key of the environment', async () => {
    const { url, seen, close } = await endpoint();
    const answerer = createAnswerer(
      { source: { kind: 'endpoint', url, model: 'm', keyVariable: 'KEY' }, ...sampling },
      { loadModel: noModel, environment: { KEY: 'secret' } },
    );
    const texts = Array.from({ length: 40 }, (_, i) => `q${i}`);
    const answers = await answerer.answer(texts.map((text, i) => ask(text, i)));
    close();
    expect(answers).toEqual(texts.map((text) => [...text].reverse().join('')));
    expect(seen).toHaveLength(40);
    expect(seen[0]).toMatchObject({ model: 'm', temperature: 0.7, top_p: 0.7, key: 'Bearer secret' });
    expect(new Set(seen.map(({ seed }) => seed)).size).toBe(40);
  });

  it('fails in one line if the endpoint refuses, and at creation if the API key is missing', async () => {
    const { url, close } = await endpoint(401);
    const source = { kind: 'endpoint', url, model: 'm' } as const;
    const dependencies = { loadModel: noModel, environment: {} };
    const failed = createAnswerer({ source, ...sampling }, dependencies).answer([ask('a', 1)]);
    await expect(failed).rejects.toThrow(EngineError);
    await expect(failed).rejects.toThrow(/^agent answerer: .*; what is saved can be resumed$/);
    close();
    expect(() =>
      createAnswerer({ source: { ...source, keyVariable: 'KEY' }, ...sampling }, dependencies),
    ).toThrow(ConfigError);
  });
});
