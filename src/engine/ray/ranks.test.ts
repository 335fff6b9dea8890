/** Tests an agent with two ranks on CPUs: the engine contract, serving, and the loss of a rank. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { describeEngineContract } from '../contract.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../onnx/weights/checkpoint.ts';
import type { TorchEngine } from '../torch/engine.ts';
import { START_MS, TEST_PYTHON } from '../torch/testing/python.ts';
import { type RayDriver, startRayDriverProcess } from './driver.ts';
import { rayEngine, rayFolder } from './testing/clusters.ts';
import { describeWithRay } from './testing/ray.ts';

describeWithRay('an agent of two ranks', () => {
  const ray = rayFolder();
  const folder = mkdtempSync(join(tmpdir(), 'troupe-ray-'));
  const dir = join(folder, 'model');
  const engines: TorchEngine[] = [];
  let driver: RayDriver;

  /** Creates an engine with its own client session, and therefore with its own actors. */
  function teamEngine(): TorchEngine {
    const { url, token } = driver.facts;
    const engine = rayEngine({ address: url, token, cpusPerAgent: 1, ranksPerAgent: 2, decodeBatch: 16 });
    engines.push(engine);
    return engine;
  }

  beforeAll(async () => {
    const config = tinyConfig();
    saveCheckpoint(dir, { config, weights: tinyWeights(config), tokenizer: tinyTokenizer() });
    const local = { cpus: 1, gpus: 0, objectStoreMib: 80, temporary: ray.path };
    driver = await startRayDriverProcess({
      ...{ python: String(TEST_PYTHON), address: 'local', host: '127.0.0.1', port: 0, local },
    });
  }, START_MS);
  afterAll(async () => {
    for (const engine of engines) await engine.close();
    await driver?.close();
    rmSync(folder, { recursive: true });
    ray.remove();
  }, START_MS);

  const first = (): TorchEngine => engines[0] ?? teamEngine();
  describeEngineContract('ray, two ranks', () => first().load({ dir }), {
    engine: { name: 'ray', load: (options) => first().load(options), close: async () => {} },
    prompts: ['a', 'bc+1', 'deed=0123'],
    learningRate: 1e-3,
    logpTolerance: 1e-4,
    divergenceTolerance: 1e-4,
    gradientTolerance: 2e-2,
  });

  it('serves messages on both ranks concurrently, also during a call that uses both ranks', async () => {
    const model = await first().load({ dir });
    const generator = model.generator();
    const say = async (index: number) => {
      const { tokens } = await generator.generate({
        ...{ context: Int32Array.from([1, 5 + index, 2]), stream: randomStream(6, index) },
        ...{ temperature: 0.9, topP: 1, maxTokens: 12 },
      });
      return [...tokens];
    };
    const sequences = [{ context: Int32Array.from([1, 2]), tokens: Int32Array.from([3, 4, 5]) }];
    const before = await model.forward(sequences, { temperature: 1 });
    const alone: number[][] = [];
    for (let index = 0; index < 6; index++) alone.push(await say(index));
    expect(new Set(alone.map(String)).size).toBeGreaterThan(3);
    const [together, between] = await Promise.all([
      Promise.all(alone.map((_, index) => say(index))),
      model.forward(sequences, { temperature: 1 }),
    ]);
    expect(together).toEqual(alone);
    expect(between).toEqual(before);
    expect(await say(2)).toEqual(alone[2]);
    await model.close();
  });

  it(
    'is lost when a rank is killed during a call; then another agent can use its resources',
    async () => {
      const model = await first().load({ dir });
      const before = ranks(driver);
      expect(before).toHaveLength(2);
      const context = Int32Array.from([1, 2]);
      const sequences = Array.from({ length: 1000 }, () => ({
        context,
        tokens: Int32Array.from([3, 4, 5]),
      }));
      // the stopped rank prevents the call from finishing before the rank is killed
      process.kill(before[1]!, 'SIGSTOP');
      const call = model.forward(sequences, { temperature: 1 });
      await Promise.all([
        expect(call).rejects.toThrow(/^engine ray forward: [^\n]*agent 0 was lost: [^\n]+$/),
        sleep(500).then(() => process.kill(before[1]!, 'SIGKILL')),
      ]);
      await expect(first().load({ dir })).rejects.toThrow(/agent 0 was lost: /);
      await first().close();
      await expect.poll(() => ranks(driver), { timeout: 120_000 }).toEqual([]);
      const [row] = await (await teamEngine().load({ dir })).forward([sequences[0]!], { temperature: 1 });
      expect(row).toHaveLength(3);
    },
    START_MS,
  );
});

/** Returns the process ids of the actors of the cluster that this driver started. */
function ranks(driver: RayDriver): number[] {
  const parents = new Map<number, number>();
  const actors: number[] = [];
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
      if (readFileSync(`/proc/${name}/cmdline`, 'utf8').startsWith('ray::AgentActor'))
        actors.push(Number(name));
    } catch {
      // the process has exited
    }
  }
  const isOurs = (pid: number | undefined): boolean =>
    pid !== undefined && pid > 1 && (pid === driver.pid || isOurs(parents.get(pid)));
  return actors.filter(isOurs).sort((a, b) => a - b);
}
