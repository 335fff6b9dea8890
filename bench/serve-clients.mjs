/**
 * Clients of `bench serve`: each sends its next request when the last one is answered, every fourth as a
 * stream. They run in a thread of their own, so that they do not wait for the engine.
 * @module
 */
import { Agent, request } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const { url, keys, clientsByKey, seconds, content } = workerData;
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const body = JSON.stringify({ model: 'team', messages: [{ role: 'user', content }] });
const streamedBody = JSON.stringify({
  model: 'team',
  messages: [{ role: 'user', content }],
  stream: true,
  stream_options: { include_usage: true },
});

/** Tokens of one answer; undefined where there was none. */
function ask(key, stream) {
  return new Promise((resolve) => {
    const sent = request(
      `${url}/v1/chat/completions`,
      {
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          const tokens = /"completion_tokens":(\d+),"total_tokens"/.exec(text)?.[1];
          const isWhole = !stream || text.endsWith('data: [DONE]\n\n');
          resolve(
            response.statusCode === 200 && isWhole && tokens !== undefined ? Number(tokens) : undefined,
          );
        });
        response.on('error', () => resolve(undefined));
      },
    );
    sent.on('error', () => resolve(undefined));
    sent.end(stream ? streamedBody : body);
  });
}

const latencies = [];
const byKey = keys.map(() => 0);
let failed = 0;
let tokens = 0;
const start = performance.now();
const end = start + seconds * 1000;

async function client(key, index) {
  for (let i = 0; performance.now() < end; i++) {
    const sent = performance.now();
    const got = await ask(keys[key], (index + i) % 4 === 0);
    if (got === undefined) failed++;
    else {
      latencies.push(performance.now() - sent);
      tokens += got;
      byKey[key]++;
    }
  }
}

await Promise.all(
  clientsByKey.flatMap((count, key) => Array.from({ length: count }, (_, index) => client(key, index))),
);
parentPort.postMessage({ latencies, failed, tokens, seconds: (performance.now() - start) / 1000, byKey });
agent.destroy();
