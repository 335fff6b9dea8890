/**
 * Measures one training stage on a Ray cluster of two raylets on this machine, with CPU actors and random
 * weights: the share of time in which no model computes, the bytes sent per token, and the stage time for 1
 * to 4 agents.
 *
 * Communication cost per token does not depend on the model size, but compute time does. So the communication share of
 * Qwen3-0.6B is estimated from a smaller model, assuming that compute time is proportional to the parameter count. Size
 * `qwen3-0.6b` measures it directly with one agent, which takes 12 GB of memory.
 *
 * Options by environment variable:
 *   TROUPE_PYTHON         interpreter with Ray, torch and Transformers; required
 *   TROUPE_BENCH_SIZE     small, full (default) or qwen3-0.6b: the model shape and the number of episodes
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rayEngine, TwoRaylets } from '../src/engine/ray/testing/clusters.ts';
import type { TimedModelCall, TorchEngine } from '../src/engine/torch/engine.ts';
import { modelCallRow, sharedTime } from '../src/observe/model-calls.ts';
import type { Task } from '../src/task/task.ts';
import { createVote } from '../src/team/vote.ts';
import { runTraining } from '../src/train/run.ts';
import { MemoryRun } from '../src/train/testing/memory-store.ts';
import { trainOptions } from '../src/train/testing/world.ts';
import { writeRandomModel } from './model-shapes.ts';

interface Size {
  readonly shape: string;
  readonly prompts: number;
  readonly samples: number;
  readonly messageTokens: number;
  /** Largest number of agents; a stage is measured with each number from 1 to this one. */
  readonly mostAgents: number;
}

const SIZES: Readonly<Record<string, Size>> = {
  small: { shape: 'tiny-4m', prompts: 8, samples: 4, messageTokens: 16, mostAgents: 4 },
  full: { shape: 'smollm2-135m', prompts: 8, samples: 4, messageTokens: 32, mostAgents: 4 },
  'qwen3-0.6b': { shape: 'qwen3-0.6b', prompts: 4, samples: 4, messageTokens: 32, mostAgents: 1 },
};
const QWEN3_06B_PARAMETERS = 596e6;
/** CPUs per agent: four agents share the two CPUs of the cluster. */
const CPUS_PER_AGENT = 0.5;

/** A task that rewards about half of random texts, so that there is a gradient. */
const task: Task = {
  name: 'parity',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'abcdefgh'.repeat(4).slice(index % 8) }),
  verify: (_, text) => {
    const correct = (text.codePointAt(0) ?? 0) % 2 === 0;
    return { correct, reward: correct ? 1 : 0, answer: text, reason: 'counted' };
  },
};

export async function benchRay(log: (line: string) => void): Promise<object> {
  const size = SIZES[process.env.TROUPE_BENCH_SIZE ?? 'full'];
  if (!size) throw new RangeError('ray: expected TROUPE_BENCH_SIZE small, full or qwen3-0.6b');
  if (!process.env.TROUPE_PYTHON)
    throw new RangeError(
      'ray: expected TROUPE_PYTHON, a Python with python/troupe_worker/requirements.txt and requirements-ray.txt',
    );
  const folder = mkdtempSync(join(tmpdir(), 'troupe-bench-ray-'));
  const cluster = await TwoRaylets.start();
  const results: StageResult[] = [];
  try {
    const dir = join(folder, 'model');
    writeRandomModel(dir, size.shape, { letterPerToken: true });
    for (let agents = 1; agents <= size.mostAgents; agents++) {
      const result = await measureStage(cluster.address, dir, { agents, size });
      results.push(result);
      log(describe(result));
    }
  } finally {
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
  return { shape: size.shape, stages: results };
}

interface StageResult {
  readonly agents: number;
  readonly stage_s: number;
  /** Number of attempted updates, including retries after backtracking. */
  readonly attempts: number;
  /** Number of tokens of contexts and messages, summed over all calls. */
  readonly tokens: number;
  /** Compute time in seconds for each kind of call, summed over agents. */
  readonly model_work_s: Readonly<Record<string, number>>;
  /**
   * Share of the stage's time in which no model computes, because of communication or work of the algorithm
   * between calls.
   */
  readonly no_model_share: number;
  /** Share of the total time of all model calls that is communication. */
  readonly wire_share: number;
  /**
   * Estimate of `wire_share` for Qwen3-0.6B, assuming that compute time is proportional to the parameter
   * count.
   */
  readonly wire_share_qwen3_06b: number;
  /** Bytes sent and received for each token of contexts and messages. */
  readonly bytes_per_token: number;
  /** Share of the stage's time in which the models of at least two agents compute. */
  readonly side_by_side: number;
}

async function measureStage(
  address: string,
  dir: string,
  { agents: count, size }: { readonly agents: number; readonly size: Size },
): Promise<StageResult> {
  const calls: TimedModelCall[] = [];
  const engine = rayEngine({
    address,
    agents: count,
    cpusPerAgent: CPUS_PER_AGENT,
    tokenBudget: 2048,
    decodeBatch: size.prompts * size.samples,
    onModelCall: (work) => calls.push(work),
  });
  try {
    return await stageOf(engine, dir, { count, size, calls });
  } finally {
    await engine.close();
  }
}

async function stageOf(
  engine: TorchEngine,
  dir: string,
  { count, size, calls }: { readonly count: number; readonly size: Size; readonly calls: TimedModelCall[] },
): Promise<StageResult> {
  const agents = [];
  for (let id = 0; id < count; id++)
    agents.push({ id, name: `agent ${id}`, model: await engine.load({ dir }) });
  const parameters = agents[0]!.model.parameterCount;
  const run = new MemoryRun();
  let startedMs = 0;
  let stageMs = 0;
  let attempts = 0;
  try {
    await runTraining({
      team: { protocol: createVote(), agents },
      task,
      options: trainOptions({
        stages: 1,
        promptsPerStep: size.prompts,
        numGenerations: size.samples,
        maxCompletionLength: size.messageTokens,
        minibatchSize: (size.prompts * size.samples) / 2,
        optimizer: { learningRate: 1e-5 },
      }),
      store: run.open(),
      loadAgent: () => Promise.reject(new Error('nothing to resume')),
      sinks: [
        {
          emit(event) {
            if (event.kind === 'stage_started') {
              startedMs = performance.now();
              calls.length = 0; // ignore the calls for loading, self-check and the first checkpoint
            }
            if (event.kind === 'update') attempts += event.attempts.length;
            if (event.kind === 'stage_finished') stageMs = performance.now() - startedMs;
          },
        },
      ],
    });
  } finally {
    run.remove();
  }
  const stage = calls.filter(({ call }) => call !== 'save' && call !== 'close');
  const sum = (of: (work: TimedModelCall) => number): number =>
    stage.reduce((total, work) => total + of(work), 0);
  const [elapsed, compute] = [sum(({ elapsedMs }) => elapsedMs), sum(({ computeMs }) => computeMs)];
  const wire = elapsed - compute;
  const grown = compute * (QWEN3_06B_PARAMETERS / parameters);
  const bytes = sum(({ sentBytes, receivedBytes }) => sentBytes + receivedBytes);
  const tokens = sum((work) => work.tokens);
  return {
    agents: count,
    stage_s: stageMs / 1000,
    attempts,
    tokens,
    model_work_s: workByCall(stage),
    no_model_share: 1 - computedMs(stage) / stageMs,
    wire_share: wire / elapsed,
    wire_share_qwen3_06b: wire / (wire + grown),
    bytes_per_token: bytes / tokens,
    side_by_side: sharedTime(
      stage.map((work) => modelCallRow(work, 1)),
      2,
    ),
  };
}

function workByCall(calls: readonly TimedModelCall[]): Record<string, number> {
  const seconds: Record<string, number> = {};
  for (const { call, computeMs } of calls) seconds[call] = (seconds[call] ?? 0) + computeMs / 1000;
  return seconds;
}

/**
 * Returns the time in which at least one model computes, assuming that half of each call's communication
 * precedes its computation.
 */
function computedMs(calls: readonly TimedModelCall[]): number {
  const spans = calls.map(({ startMs, elapsedMs, computeMs }) => {
    const from = startMs + (elapsedMs - computeMs) / 2;
    return [from, from + computeMs] as const;
  });
  let until = Number.NEGATIVE_INFINITY;
  let total = 0;
  for (const [from, to] of spans.sort((a, b) => a[0] - b[0])) {
    total += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return total;
}

function describe(result: StageResult): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return (
    `${result.agents} agents: stage ${result.stage_s.toFixed(1)} s, ${result.attempts} update attempts, ${percent(result.no_model_share)} without model computation; ` +
    `communication ${percent(result.wire_share)} of call time, ` +
    `${percent(result.wire_share_qwen3_06b)} estimated for Qwen3-0.6B, ${result.bytes_per_token.toFixed(1)} bytes per token, ` +
    `${percent(result.side_by_side)} of the time with at least two agents computing`
  );
}
