/**
 * Clients of `bench serve`, a process: told how long, each client sends its next request when the last one is
 * answered, every fourth as a stream.
 * @module
 */
import { Agent, request } from 'node:http';

const { url, keys, clientsByKey, content } = JSON.parse(process.argv[2]);
const agent = new Agent({ keepAlive: true });
const plain = { model: 'team', messages: [{ role: 'user', content }] };
const bodies = {
  whole: JSON.stringify(plain),
  streamed: JSON.stringify({ ...plain, stream: true, stream_options: { include_usage: true } }),
};

/** Tokens of one answer; undefined where there was none. */
function ask(key, kind) {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const sent = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const tokens = /"completion_tokens":(\d+),"total_tokens"/.exec(text)?.[1];
        const isWhole = kind === 'whole' || text.endsWith('data: [DONE]\n\n');
        resolve(response.statusCode === 200 && isWhole && tokens !== undefined ? Number(tokens) : undefined);
      });
      response.on('error', () => resolve(undefined));
    });
    sent.on('error', () => resolve(undefined));
    sent.end(bodies[kind]);
  });
}

process.on('message', async ({ seconds }) => {
  const latencies = [];
  const byKey = keys.map(() => 0);
  let failed = 0;
  let tokens = 0;
  const start = performance.now();
  const client = async (key, index) => {
    for (let i = 0; performance.now() - start < seconds * 1000; i++) {
      const sent = performance.now();
      const got = await ask(keys[key], (index + i) % 4 === 0 ? 'streamed' : 'whole');
      if (got === undefined) {
        failed++;
        continue;
      }
      latencies.push(performance.now() - sent);
      tokens += got;
      // what was queued when time was up is answered too, but tells nothing about turns
      if (performance.now() - start < seconds * 1000) byKey[key]++;
    }
  };
  const all = clientsByKey.flatMap((count, key) =>
    Array.from({ length: count }, (_, index) => client(key, index)),
  );
  await Promise.all(all);
  process.send({ latencies, failed, tokens, byKey, seconds: (performance.now() - start) / 1000 });
});
