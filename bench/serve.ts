/**
 * The server against the engine it serves with, in one machine's time: many clients at once, two keys, whole
 * and streamed answers. The engine's own throughput is measured by the same batch rule without a server, right
 * before and right after, on the same requests.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { randomStream } from '../src/core/rng.ts';
import type { Model } from '../src/engine/engine.ts';
import { initialWeights } from '../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { addKey } from '../src/serve/access/key-file.ts';
import { createEmbeddedMember } from '../src/serve/member/embedded.ts';
import { DEFAULT_SERVER } from '../src/serve/options.ts';
import { startServer } from '../src/serve/server.ts';
import { textAnswer } from '../src/serve/team/served-team.ts';
import { createProtocol } from '../src/team/protocols.ts';
import { benchConfig } from './serve-model.ts';

const CLIENTS = 64;
const AGENTS = 3;
const TOKENS = 48;
const SECONDS = Number(process.env.TROUPE_BENCH_SECONDS ?? 60);
const CONTEXT = '12+34+56=';

export interface ServeBench {
  readonly clients: number;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  /** Answers of the key that got fewer, as a share of those of the other, while one has three times as many clients. */
  readonly fairness: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly tokens_per_s: number;
  /** The engine's own, without a server: before and after. */
  readonly engine_tokens_per_s: readonly [number, number];
  /** tokens_per_s by the mean of the two. */
  readonly ratio: number;
  readonly rss_start_mb: number;
  readonly rss_end_mb: number;
  /** Growth of memory over the second half, megabytes per minute. */
  readonly rss_slope_mb_per_minute: number;
}

export async function benchServe(log: (line: string) => void): Promise<ServeBench> {
  const engine = createOnnxEngine();
  const { config, tokenizer } = benchConfig();
  const weights = (seed: number) => initialWeights(config, randomStream(seed));
  const models = await Promise.all(
    Array.from({ length: AGENTS }, (_, id) =>
      engine.fromCheckpoint({ config, weights: weights(id + 1), tokenizer }, `bench ${id}`),
    ),
  );
  const before = await engineThroughput(models);
  log(`engine alone: ${before.toFixed(0)} tokens/s, ${AGENTS} models, ${CLIENTS} messages each`);
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  try {
    const keyFile = join(folder, 'keys.json');
    const keys = ['first', 'second'].map((name) => addKey(keyFile, { name, created: '' }));
    const serveWith = async (
      maxRunning: number,
      clientsByKey: readonly number[],
      seconds: number,
    ): Promise<Load> => {
      const members = models.map((model, id) => createEmbeddedMember(model, { name: `agent_${id}` }));
      const options = { ...DEFAULT_SERVER, port: 0, keys: keyFile, maxRunning, logLevel: 'silent' as const };
      const server = await startServer(
        {
          ...{
            name: 'bench',
            members,
            minMembers: AGENTS,
            memberTimeoutMs: 60_000,
            answerOf: textAnswer,
            fingerprint: 'fp',
            isMixed: false,
          },
          protocol: createProtocol('vote', {}, AGENTS),
          defaults: { temperature: 1, maxTokens: TOKENS },
        },
        { options, version: 'bench' },
      );
      try {
        return await runClients({ url: server.url, keys, clientsByKey, seconds });
      } finally {
        await server.stop();
      }
    };
    const memory = watchMemory();
    const load = await serveWith(CLIENTS, [CLIENTS / 2, CLIENTS / 2], SECONDS);
    const rss = memory.stop();
    const after = await engineThroughput(models);
    // three quarters of a crowd that must queue have one key; each key is to get one half of the places
    const contended = await serveWith(
      CLIENTS * 0.375,
      [CLIENTS * 0.75, CLIENTS * 0.25],
      Math.max(3, SECONDS / 4),
    );
    const result = summary({ load, contended, rss, engine: [before, after] });
    log(
      `${CLIENTS} clients for ${load.seconds.toFixed(0)} s: ${result.requests} requests, ${result.failed} failed; p50 ${result.p50_ms.toFixed(0)} ms, ` +
        `p95 ${result.p95_ms.toFixed(0)} ms; ${result.tokens_per_s.toFixed(0)} tokens/s, ${result.ratio.toFixed(3)} of the engine's own ` +
        `(aim: at least 0.85); memory ${result.rss_start_mb.toFixed(0)} -> ${result.rss_end_mb.toFixed(0)} MB; ` +
        `fairness of keys with 48 and 16 clients on 24 places ${result.fairness.toFixed(3)}`,
    );
    return result;
  } finally {
    rmSync(folder, { recursive: true });
    await engine.close();
  }
}

/** Tokens per second of all models together, each with a full batch that is refilled as messages end. */
async function engineThroughput(models: readonly Model[]): Promise<number> {
  const run = async (rounds: number): Promise<number> => {
    const counts = await Promise.all(
      models.map(async (model, id) => {
        const requests = Array.from({ length: CLIENTS * rounds }, (_, i) => ({
          context: model.tokenizer.encodeChat([{ role: 'user', content: CONTEXT }]),
          stream: randomStream(5, id, i),
        }));
        const completions = await model.sample(requests, { temperature: 1, maxTokens: TOKENS });
        return completions.reduce((sum, { tokens }) => sum + tokens.length, 0);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  await run(1);
  const start = performance.now();
  const tokens = await run(Math.max(2, Math.ceil(SECONDS / 6)));
  return (tokens / (performance.now() - start)) * 1000;
}

interface Load {
  readonly latencies: readonly number[];
  readonly failed: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly byKey: readonly number[];
}

/** Clients in a thread of their own, so that they do not wait for the engine. */
async function runClients(data: {
  url: string;
  keys: readonly string[];
  clientsByKey: readonly number[];
  seconds: number;
}): Promise<Load> {
  const worker = new Worker(new URL('./serve-clients.mjs', import.meta.url), {
    workerData: { ...data, content: CONTEXT },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

function watchMemory(): { stop(): number[] } {
  const samples = [process.memoryUsage.rss()];
  const timer = setInterval(() => samples.push(process.memoryUsage.rss()), 1000);
  return {
    stop: () => {
      clearInterval(timer);
      return [...samples, process.memoryUsage.rss()];
    },
  };
}

function summary(of: {
  load: Load;
  contended: Load;
  rss: readonly number[];
  engine: readonly [number, number];
}): ServeBench {
  const { load, contended, rss, engine } = of;
  const sorted = [...load.latencies].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const late = rss.slice(Math.floor(rss.length / 2));
  const perSecond = load.tokens / load.seconds;
  const mb = (bytes: number | undefined): number => (bytes ?? Number.NaN) / 2 ** 20;
  return {
    clients: CLIENTS,
    seconds: load.seconds,
    requests: sorted.length,
    failed: load.failed + contended.failed,
    fairness: Math.min(...contended.byKey) / Math.max(...contended.byKey),
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    tokens_per_s: perSecond,
    engine_tokens_per_s: engine,
    ratio: perSecond / ((engine[0] + engine[1]) / 2),
    rss_start_mb: mb(rss[Math.min(5, rss.length - 1)]),
    rss_end_mb: mb(rss.at(-1)),
    rss_slope_mb_per_minute: (mb(late.at(-1)) - mb(late[0])) / (late.length / 60),
  };
}
