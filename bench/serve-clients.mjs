/**
 * The clients of `bench serve`, in a separate process. The parent sends a message with a duration. During
 * this time, each client sends its next request as soon as it has the response to the previous one. Every
 * fourth request is streamed.
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

/**
 * Sends one request. @returns the number of completion tokens of the response; undefined if the request
 * failed
 */
function send(key, kind) {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const outgoing = request(`${url}/v1/chat/completions`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        const tokens = /"completion_tokens":(\d+),"total_tokens"/.exec(text)?.[1];
        const isComplete = kind === 'whole' || text.endsWith('data: [DONE]\n\n');
        resolve(
          response.statusCode === 200 && isComplete && tokens !== undefined ? Number(tokens) : undefined,
        );
      });
      response.on('error', () => resolve(undefined));
    });
    outgoing.on('error', () => resolve(undefined));
    outgoing.end(bodies[kind]);
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
      const sentAt = performance.now();
      const completionTokens = await send(keys[key], (index + i) % 4 === 0 ? 'streamed' : 'whole');
      if (completionTokens === undefined) {
        failed++;
        continue;
      }
      latencies.push(performance.now() - sentAt);
      tokens += completionTokens;
      // responses after the end of the measurement do not count: they say nothing about the fairness between
      // keys
      if (performance.now() - start < seconds * 1000) byKey[key]++;
    }
  };
  const clients = clientsByKey.flatMap((count, key) =>
    Array.from({ length: count }, (_, index) => client(key, index)),
  );
  await Promise.all(clients);
  process.send({ latencies, failed, tokens, byKey, seconds: (performance.now() - start) / 1000 });
});
