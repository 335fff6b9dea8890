/**
 * The server against the engine it serves with: many clients at once in a process of their own, two keys,
 * whole and streamed answers. Rounds of both alternate in one process, and the ratio is taken per round, so a
 * machine that slows down slows both; tokens per second of processor time are told besides.
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
import { createEmbeddedMember } from '../src/serve/member/embedded.ts';
import { DEFAULT_SERVER } from '../src/serve/options.ts';
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
/** Places that keys share in the second part: few enough that both always have somebody waiting. */
const PLACES = 12;
/** Length of a round under load; the engine alone gets a third of it before each. */
const ROUND_SECONDS = 10;

export interface ServeBench {
  readonly clients: number;
  /** Time under load, all rounds together. */
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  /** Answers of the key that got fewer, as a share of those of the other, while one has three times as many clients. */
  readonly fairness: number;
  readonly p50_ms: number;
  readonly p95_ms: number;
  readonly tokens_per_s: number;
  /** The engine's own, without a server. */
  readonly engine_tokens_per_s: number;
  /** Median over rounds of served by engine's tokens per second. */
  readonly ratio: number;
  /** The same in tokens per second of processor time, which a busy machine disturbs less. */
  readonly cpu_ratio: number;
  readonly rss_start_mb: number;
  readonly rss_end_mb: number;
  /** Slope of a line through memory over all rounds but the first, megabytes per minute. */
  readonly rss_slope_mb_per_minute: number;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag promises

/** Tokens by wall clock and by processor time. */
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
    const rounds = await serving({ models, keyFile, maxRunning: CLIENTS }, async (url) => {
      const clients = new Clients({ url, keys, clientsByKey: [CLIENTS / 2, CLIENTS / 2] });
      const count = Math.max(2, Math.round(SECONDS / ROUND_SECONDS));
      const seconds = SECONDS / count;
      await clients.load(Math.min(2, seconds)); // compiles, fills caches
      const results: Round[] = [];
      for (let round = 0; round < count; round++) {
        const alone = await engineRate(models, seconds / 3);
        const load = await clients.load(seconds);
        collectGarbage(); // what is kept is of interest, not what is waiting to be let go
        results.push({ alone, load, rss: process.memoryUsage.rss() });
        const { perSecond } = load.rate;
        log(
          `round ${round + 1} of ${count}: engine ${alone.perSecond.toFixed(0)}, served ${perSecond.toFixed(0)} tokens/s`,
        );
      }
      clients.close();
      return results;
    });
    // three quarters of a crowd that must queue have one key; each key is to get one half of the places
    const contended = await serving({ models, keyFile, maxRunning: PLACES }, async (url) => {
      const clients = new Clients({ url, keys, clientsByKey: [CLIENTS * 0.75, CLIENTS * 0.25] });
      const load = await clients.load(Math.max(4, SECONDS / 4));
      clients.close();
      return load;
    });
    const result = summary(rounds, contended);
    log(
      `${CLIENTS} clients for ${result.seconds.toFixed(0)} s: ${result.requests} requests, ${result.failed} failed; ` +
        `p50 ${result.p50_ms.toFixed(0)} ms, p95 ${result.p95_ms.toFixed(0)} ms; ${result.tokens_per_s.toFixed(0)} tokens/s, ` +
        `${result.ratio.toFixed(3)} of the engine's own (aim: at least 0.85; by processor time ${result.cpu_ratio.toFixed(3)}); ` +
        `memory ${result.rss_start_mb.toFixed(0)} -> ${result.rss_end_mb.toFixed(0)} MB; ` +
        `fairness of keys with 48 and 16 clients on ${PLACES} places ${result.fairness.toFixed(3)}`,
    );
    return result;
  } finally {
    rmSync(folder, { recursive: true });
    await engine.close();
  }
}

interface Serving {
  readonly models: readonly Model[];
  readonly keyFile: string;
  readonly maxRunning: number;
}

/** Runs something against a server of the models. */
async function serving<T>(
  { models, keyFile, maxRunning }: Serving,
  run: (url: string) => Promise<T>,
): Promise<T> {
  const server = await startServer(
    {
      name: 'bench',
      members: models.map((model, id) => createEmbeddedMember(model, { name: `agent_${id}` })),
      minMembers: AGENTS,
      memberTimeoutMs: 600_000,
      answerOf: textAnswer,
      isMixed: false,
      fingerprint: 'fp',
      protocol: createProtocol('vote', {}, AGENTS),
      defaults: { temperature: 1, maxTokens: TOKENS },
    },
    {
      options: {
        ...DEFAULT_SERVER,
        port: 0,
        keys: keyFile,
        maxRunning,
        requestTimeoutMs: 600_000,
        logLevel: 'silent',
      },
      version: 'bench',
    },
  );
  try {
    return await run(server.url);
  } finally {
    await server.stop();
  }
}

/** Tokens per second of all models together, each with batches that are full from start to end. */
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

/** Clients in a process of their own, so that they do not wait for the engine nor count as the server's time. */
class Clients {
  readonly #child: ChildProcess;

  constructor(options: { url: string; keys: readonly string[]; clientsByKey: readonly number[] }) {
    const argument = JSON.stringify({ ...options, content: CONTEXT });
    this.#child = fork(new URL('./serve-clients.mjs', import.meta.url), [argument], { execArgv: [] });
  }

  /** Each client sends request after request for so long, and waits for its last answer. */
  async load(seconds: number): Promise<Load> {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const answered = new Promise<Omit<Load, 'rate'>>((resolve, reject) => {
      this.#child.once('message', (message) => resolve(message as Omit<Load, 'rate'>)); // what serve-clients.mjs sends
      this.#child.once('exit', () => reject(new Error('bench serve: the clients ended')));
    });
    this.#child.send({ seconds });
    const load = await answered;
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

/** Least-squares slope of values at 0, 1, 2, ... */
function slope(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  const products = values.reduce((total, value, i) => total + (i - middle) * (value - mean), 0);
  const squares = values.reduce((total, _, i) => total + (i - middle) ** 2, 0);
  return squares === 0 ? 0 : products / squares;
}
