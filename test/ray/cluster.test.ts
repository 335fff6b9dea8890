/**
 * Tests teams on a cluster of two raylets: a stage with the same decisions as the embedded engine, agents
 * that compute at the same time, models and adapters on a node without access to this machine's folders,
 * requests that are refused before any work starts, and a training during which processes are killed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createOnnxEngine } from '../../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../../src/engine/onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../../src/engine/onnx/weights/checkpoint.ts';
import { type RayDriver, startRayDriverProcess } from '../../src/engine/ray/driver.ts';
import type { RayEngineOptions } from '../../src/engine/ray/engine.ts';
import { rayEngine, TwoRaylets } from '../../src/engine/ray/testing/clusters.ts';
import { describeWithRay } from '../../src/engine/ray/testing/ray.ts';
import type { TimedModelCall } from '../../src/engine/torch/engine.ts';
import { START_MS, TEST_PYTHON } from '../../src/engine/torch/testing/python.ts';
import { modelCallRow, sharedTime } from '../../src/observe/model-calls.ts';
import type { Task } from '../../src/task/task.ts';
import { createVote } from '../../src/team/vote.ts';
import { runTraining } from '../../src/train/run.ts';
import { MemoryRun } from '../../src/train/testing/memory-store.ts';
import { trainOptions } from '../../src/train/testing/world.ts';
import { describeBrokenTraining } from './broken-training.ts';

/** A task in which any text is an answer; texts with an even number of letters earn a reward. */
const task: Task = {
  name: 'even',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: `${index % 5}+1=` }),
  verify: (_, text) => {
    const correct = text.length % 2 === 0;
    return { correct, reward: correct ? 1 : 0, answer: text, reason: 'counted' };
  },
};

const score = { temperature: 1 };

describeWithRay('two raylets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-ray-'));
  const dir = join(folder, 'model');
  const onnx = createOnnxEngine({ threads: 1, spinning: false });
  const engines: { close(): Promise<void> }[] = [onnx];
  let cluster: TwoRaylets | undefined;
  let driver: RayDriver;

  beforeAll(async () => {
    const config = tinyConfig({ maxPositions: 512 });
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    cluster = await TwoRaylets.start();
    driver = await startRayDriverProcess({
      python: String(TEST_PYTHON),
      address: cluster.address,
      host: '127.0.0.1',
      port: 0,
    });
  }, START_MS);
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await driver?.close();
    await cluster?.close();
    rmSync(folder, { recursive: true });
  }, START_MS);

  function teamEngine(changes: Partial<RayEngineOptions>) {
    const { url, token } = driver.facts;
    const engine = rayEngine({ address: url, token, tokenBudget: 1024, decodeBatch: 16, ...changes });
    engines.push(engine);
    return engine;
  }

  /** Trains two agents for one SAT stage. */
  async function trained(on: Engine) {
    const agents = [];
    for (const id of [0, 1]) agents.push({ id, name: `agent ${id}`, model: await on.load({ dir }) });
    const run = new MemoryRun();
    try {
      await runTraining({
        team: { protocol: createVote(), agents },
        task,
        options: trainOptions({
          stages: 1,
          promptsPerStep: 4,
          numGenerations: 4,
          maxCompletionLength: 5,
          // the radius is smaller than the first step, so that backtracking restores snapshots
          trustRegion: { targetKl: 0.002, targetKlMessage: 0.02 },
          optimizer: { learningRate: 0.003 },
          gate: { kind: 'off' },
        }),
        store: run.open(),
        loadAgent: (saved) => on.load({ dir: saved, optimizer: true }),
      });
      return { updates: run.eventsOf('update'), rollouts: run.eventsOf('rollout') };
    } finally {
      run.remove();
      for (const { model } of agents) await model.close();
    }
  }

  it('report the resources of the cluster', () => {
    expect(driver.facts).toMatchObject({ nodes: 2, cpus: 2, gpus: 0, tokenIsOwn: false });
  });

  it(
    'have the rollouts, attempts and decisions of the embedded engine, with concurrent agents',
    async () => {
      const work: TimedModelCall[] = [];
      const engine = teamEngine({ agents: 2, cpusPerAgent: 1, onModelCall: (call) => work.push(call) });
      const [embedded, ray] = [await trained(onnx), await trained(engine)];
      expect(ray.rollouts).toEqual(embedded.rollouts);
      expect(ray.updates).toHaveLength(2);
      let backtracks = 0;
      embedded.updates.forEach((update, index) => {
        const other = ray.updates[index]!;
        for (const key of ['agent', 'status', 'reward', 'tokens', 'trajectories', 'meanLength'] as const)
          expect(other[key], key).toEqual(update[key]);
        expect(other.attempts).toHaveLength(update.attempts.length);
        backtracks += update.attempts.length - 1;
        expect(other.logpMismatchMax).toBeLessThan(1e-4);
      });
      expect(backtracks).toBeGreaterThan(0);
      expect(new Set(work.map(({ worker }) => worker))).toEqual(new Set(['agent_0', 'agent_1']));
      const rows = work.map((call) => modelCallRow(call, 1));
      expect(sharedTime(rows, 2)).toBeGreaterThan(0);
      await engine.close();
    },
    START_MS,
  );

  it(
    'copy the base model and adapters of an agent to another node and back',
    async () => {
      const lora = { rank: 2, alpha: 4, targetModules: 'all-linear' as const, rslora: false };
      const engine = teamEngine({ agents: 2, cpusPerAgent: 1, lora });
      await expect(engine.load({ dir: join(folder, 'nowhere') })).rejects.toThrow(
        /nowhere\/config\.json: the file is missing; a model folder needs its config\.json$/,
      );
      const models = [await engine.load({ dir }), await engine.load({ dir })];
      const context = models[0]!.tokenizer.encodeChat([{ role: 'user', content: '1+1=' }]);
      const sequences = [{ context, tokens: context.slice(0, 3) }];
      const before = await models[1]!.forward(sequences, score);
      for (const model of models) {
        await model.backward(sequences, [[-1, -1, -1]], score);
        await model.step({
          learningRate: 0.01,
          beta1: 0.9,
          beta2: 0.99,
          epsilon: 1e-8,
          weightDecay: 0,
          maxGradNorm: 1,
        });
      }
      const after = await models[1]!.forward(sequences, score);
      expect(after).not.toEqual(before);
      expect(await models[0]!.forward(sequences, score)).toEqual(after);
      for (const [id, model] of models.entries()) {
        await model.save(join(folder, `adapter-${id}`));
        const again = await engine.load({ dir: join(folder, `adapter-${id}`), optimizer: true });
        expect(again.capabilities).toMatchObject({ parameters: 'lora', parallel: true });
        expect(await again.forward(sequences, score)).toEqual(after);
      }
      // the embedded engine of this machine can load the saved adapter, too
      const embedded = createOnnxEngine({
        threads: 1,
        spinning: false,
        lora: { r: 2, alpha: 4, targetModules: 'all-linear', rslora: false },
      });
      engines.push(embedded);
      const [row] = await (await embedded.load({ dir: join(folder, 'adapter-1') })).forward(sequences, score);
      for (const [t, value] of row!.entries()) expect(Math.abs(value - after[0]![t]!)).toBeLessThan(1e-4);
      await engine.close();
    },
    START_MS,
  );

  it('reject invalid settings in one line each before anything is loaded', async () => {
    const cases: readonly (readonly [Partial<RayEngineOptions>, RegExp])[] = [
      [
        { gpusPerAgent: 0.5, agents: 3 },
        /^engine ray reserve: the cluster has 0 GPUs on 2 nodes, 3 agents with gpus_per_agent 0.5 need 1.5; lower gpus_per_agent or add nodes$/,
      ],
      [
        { cpusPerAgent: 2, agents: 1 },
        /^engine ray reserve: an agent with cpus_per_agent 2 must be on one node, the largest has 1 CPUs; lower cpus_per_agent$/,
      ],
      [
        { token: 'wrong' },
        /^engine ray: the worker at .* does not accept this token; set TROUPE_WORKER_TOKEN/,
      ],
    ];
    for (const [changes, message] of cases)
      await expect(teamEngine(changes).load({ dir })).rejects.toThrow(message);
    const nobody = rayEngine({ address: '127.0.0.1:9' });
    await expect(nobody.load({ dir })).rejects.toThrow(
      /^engine ray: there is no Ray cluster at 127\.0\.0\.1:9; start one with "ray start --head", or try "troupe ray up" \(/,
    );
    await nobody.close();
  });

  describeBrokenTraining(() => cluster as TwoRaylets);
});
