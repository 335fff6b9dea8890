/**
 * Throughput of the server relative to the engine without a server. The load is concurrent clients in a
 * separate process, two API keys, whole and streamed responses. Rounds of server and engine alternate and the
 * ratio is computed per round, so that a slowdown of the machine affects both. Tokens per second of processor
 * time are reported as well.
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { randomStream } from '../src/core/rng.ts';
import type { Model } from '../src/engine/engine.ts';
import { initialWeights } from '../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { addKey } from '../src/serve/access/key-file.ts';
import { createEmbeddedAgent } from '../src/serve/agent/embedded-agent.ts';
import { startServer } from '../src/serve/server.ts';
import { textAnswer } from '../src/serve/team/served-team.ts';
import { createProtocol } from '../src/team/protocols.ts';
import { median } from './matmuls.ts';
import { benchConfig } from './serve-model.ts';

const CLIENTS = 64;
const AGENTS = 3;
const TOKENS = 48;
const SECONDS = Number(process.env.TROUPE_BENCH_SECONDS ?? 60);
const CONTEXT = '12+34+56=';
/**
 * Maximum number of concurrent requests while fairness is measured. It is so low that requests of both keys
 * are always queued.
 */
const MAX_RUNNING = 12;
/**
 * Duration of a round under load, seconds. Before each round, the engine without a server runs for a third of
 * it.
 */
const ROUND_SECONDS = 10;

export interface ServeBench {
  readonly clients: number;
  /** Total duration of all rounds under load, seconds. */
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  /**
   * Fairness between API keys: the smaller of their numbers of responses divided by the larger one, while one
   * key has three times as many clients.
   */
  readonly fairness: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly tokens_per_s: number;
  /** Tokens per second of the engine without a server. */
  readonly engine_tokens_per_s: number;
  /** Tokens per second of the server divided by those of the engine without a server, median over rounds. */
  readonly ratio: number;
  /**
   * Ratio of tokens per second of processor time, which depends less on other load of the machine; median
   * over rounds.
   */
  readonly cpu_ratio: number;
  readonly rss_start_mb: number;
  readonly rss_end_mb: number;
  /**
   * Growth of the resident memory over all rounds but the first (least-squares slope), megabytes per minute.
   */
  readonly rss_slope_mb_per_minute: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // the flag defines it

/** Sampled tokens per second of wall-clock time and per second of processor time. */
interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

export async function benchServe(log: (line: string) => void): Promise<ServeBench> {
  const engine = createOnnxEngine({ decodeBatch: CLIENTS });
  const { config, tokenizer } = benchConfig();
  const models = await Promise.all(
    Array.from({ length: AGENTS }, (_, id) =>
      engine.fromCheckpoint(
        { config, weights: initialWeights(config, randomStream(id + 1)), tokenizer },
        `bench ${id}`,
      ),
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-'));
  try {
    const keyFile = join(folder, 'keys.json');
    const keys = ['first', 'second'].map((name) => addKey(keyFile, { name, created: '' }));
    const rounds = await withServer({ models, keyFile, maxRunning: CLIENTS }, async (url) => {
      const clients = new Clients({ url, keys, clientsByKey: [CLIENTS / 2, CLIENTS / 2] });
      const count = Math.max(2, Math.round(SECONDS / ROUND_SECONDS));
      const seconds = SECONDS / count;
      await clients.load(Math.min(2, seconds)); // warm-up, which compiles graphs and fills caches
      const results: Round[] = [];
      for (let round = 0; round < count; round++) {
        const alone = await engineRate(models, seconds / 3);
        const load = await clients.load(seconds);
        collectGarbage(); // collects garbage first, so that only memory in use is measured
        results.push({ alone, load, rss: process.memoryUsage.rss() });
        const { perSecond } = load.rate;
        log(
          `round ${round + 1} of ${count}: engine ${alone.perSecond.toFixed(0)}, served ${perSecond.toFixed(0)} tokens/s`,
        );
      }
      clients.close();
      return results;
    });
    // three quarters of the clients have the first key, and each key should get half of the running requests
    const contended = await withServer({ models, keyFile, maxRunning: MAX_RUNNING }, async (url) => {
      const clients = new Clients({ url, keys, clientsByKey: [CLIENTS * 0.75, CLIENTS * 0.25] });
      const load = await clients.load(Math.max(4, SECONDS / 4));
      clients.close();
      return load;
    });
    const result = summary(rounds, contended);
    log(
      `${CLIENTS} clients for ${result.seconds.toFixed(0)} s: ${result.requests} requests, ${result.failed} failed; ` +
        `p50 ${result.p50_ms.toFixed(0)} ms, p95 ${result.p95_ms.toFixed(0)} ms; ${result.tokens_per_s.toFixed(0)} tokens/s, ` +
        `${result.ratio.toFixed(3)} of the engine without a server (aim: at least 0.85; by processor time ${result.cpu_ratio.toFixed(3)}); ` +
        `memory ${result.rss_start_mb.toFixed(0)} -> ${result.rss_end_mb.toFixed(0)} MB; ` +
        `fairness of keys with 48 and 16 clients, ${MAX_RUNNING} running requests: ${result.fairness.toFixed(3)}`,
    );
    return result;
  } finally {
    rmSync(folder, { recursive: true });
    await engine.close();
  }
}

interface ServerSetup {
  readonly models: readonly Model[];
  readonly keyFile: string;
  readonly maxRunning: number;
}

/** Starts a server of the models, calls a function with it, and closes it. */
async function withServer<T>(
  { models, keyFile, maxRunning }: ServerSetup,
  run: (url: string) => Promise<T>,
): Promise<T> {
  const server = await startServer(
    {
      name: 'bench',
      agents: models.map((model, id) => createEmbeddedAgent(model, { name: `agent_${id}` })),
      minAgents: AGENTS,
      agentTimeoutMs: 600_000,
      answerOf: textAnswer,
      truncated: 'judge',
      isMixed: false,
      fingerprint: 'fp',
      protocol: createProtocol({ kind: 'vote' }, AGENTS),
      defaults: { temperature: 1, maxTokens: TOKENS },
    },
    {
      options: { port: 0, keys: keyFile, maxRunning, requestTimeoutMs: 600_000 },
      version: 'bench',
    },
  );
  try {
    return await run(server.url);
  } finally {
    await server.close();
  }
}

/** Measures tokens per second of all models together, in full batches and without a server. */
async function engineRate(models: readonly Model[], seconds: number): Promise<Rate> {
  const start = performance.now();
  const cpu = process.cpuUsage();
  let tokens = 0;
  for (let round = 0; round === 0 || performance.now() - start < seconds * 1000; round++) {
    const counts = await Promise.all(
      models.map(async (model, id) => {
        const requests = Array.from({ length: CLIENTS }, (_, i) => ({
          context: model.tokenizer.encodeChat([{ role: 'user', content: CONTEXT }]),
          stream: randomStream(5, id, round, i),
        }));
        const completions = await model.sample(requests, { temperature: 1, maxTokens: TOKENS });
        return completions.reduce((sum, completion) => sum + completion.tokens.length, 0);
      }),
    );
    tokens += counts.reduce((sum, count) => sum + count, 0);
  }
  return rateOf(tokens, { start, cpu });
}

function rateOf(tokens: number, { start, cpu }: { start: number; cpu: NodeJS.CpuUsage }): Rate {
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: (tokens / (performance.now() - start)) * 1000,
    perCpuSecond: (tokens / (user + system)) * 1e6,
  };
}

interface Load {
  readonly latencies: readonly number[];
  readonly failed: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly byKey: readonly number[];
  readonly rate: Rate;
}

/**
 * The clients run in a separate process, so that they do not block the engine and their processor time is not
 * counted.
 */
class Clients {
  readonly #child: ChildProcess;

  constructor(options: { url: string; keys: readonly string[]; clientsByKey: readonly number[] }) {
    const argument = JSON.stringify({ ...options, content: CONTEXT });
    this.#child = fork(new URL('./serve-clients.mjs', import.meta.url), [argument], { execArgv: [] });
  }

  /** Sends requests from all clients for the given time, and waits for the last response of each. */
  async load(seconds: number): Promise<Load> {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const result = new Promise<Omit<Load, 'rate'>>((resolve, reject) => {
      // type of the message from serve-clients.mjs
      this.#child.once('message', (message) => resolve(message as Omit<Load, 'rate'>));
      this.#child.once('exit', () => reject(new Error('bench serve: the process of the clients exited')));
    });
    this.#child.send({ seconds });
    const load = await result;
    this.#child.removeAllListeners('exit');
    return { ...load, rate: rateOf(load.tokens, { start, cpu }) };
  }

  close(): void {
    this.#child.kill();
  }
}

interface Round {
  readonly alone: Rate;
  readonly load: Load;
  readonly rss: number;
}

function summary(rounds: readonly Round[], contended: Load): ServeBench {
  const loads = rounds.map(({ load }) => load);
  const sorted = loads.flatMap(({ latencies }) => latencies).sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const sum = (pick: (load: Load) => number): number => loads.reduce((total, load) => total + pick(load), 0);
  const seconds = sum((load) => load.seconds);
  const mb = rounds.map(({ rss }) => rss / 2 ** 20);
  return {
    clients: CLIENTS,
    seconds,
    requests: sorted.length,
    failed: sum(({ failed }) => failed) + contended.failed,
    fairness: Math.min(...contended.byKey) / Math.max(...contended.byKey),
    p50_ms: at(0.5),
    p95_ms: at(0.95),
    tokens_per_s: sum(({ tokens }) => tokens) / seconds,
    engine_tokens_per_s: median(rounds.map(({ alone }) => alone.perSecond)),
    ratio: median(rounds.map(({ alone, load }) => load.rate.perSecond / alone.perSecond)),
    cpu_ratio: median(rounds.map(({ alone, load }) => load.rate.perCpuSecond / alone.perCpuSecond)),
    rss_start_mb: mb[0] ?? Number.NaN,
    rss_end_mb: mb.at(-1) ?? Number.NaN,
    rss_slope_mb_per_minute: (slope(mb.slice(1)) * 60 * rounds.length) / seconds,
  };
}

/** Returns the least-squares slope of values at 0, 1, 2, ... */
function slope(values: readonly number[]): number {
  const meanIndex = (values.length - 1) / 2;
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const products = values.reduce((total, value, i) => total + (i - meanIndex) * (value - mean), 0);
  const squares = values.reduce((total, _, i) => total + (i - meanIndex) ** 2, 0);
  return squares === 0 ? 0 : products / squares;
}
