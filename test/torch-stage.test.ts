/**
 * Runs one whole SAT stage on PyTorch and on the embedded engine. Rollouts and decisions must be the same.
 */
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Engine } from '../src/engine/engine.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { tinyConfig, tinyTokenizer, tinyWeights } from '../src/engine/onnx/testing/tiny-model.ts';
import { saveCheckpoint } from '../src/engine/onnx/weights/checkpoint.ts';
import { describeWithTorch, testEngine, withWorker } from '../src/engine/torch/testing/python.ts';
import type { Task } from '../src/task/task.ts';
import { createRelay } from '../src/team/relay.ts';
import { runTraining } from '../src/train/run.ts';
import { MemoryRun } from '../src/train/testing/memory-store.ts';
import { trainOptions } from '../src/train/testing/world.ts';

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

const LORA = { rank: 4, alpha: 16, targetModules: 'all-linear', rslora: false } as const;
const RANK = { ...LORA, r: LORA.rank };

for (const trains of ['all weights', 'adapters'])
  describeWithTorch(`a stage on PyTorch that trains ${trains}`, () => {
    const lora = trains === 'adapters';
    const engine = testEngine({ tokenBudget: 1024, decodeBatch: 16, ...(lora && { lora: LORA }) });
    const folder = withWorker(engine);
    const onnx = createOnnxEngine({ threads: 1, spinning: false, ...(lora && { lora: RANK }) });
    afterAll(() => onnx.close());

    async function trained(on: Engine) {
      const config = tinyConfig({ maxPositions: 512 });
      saveCheckpoint(join(folder, 'model'), {
        config,
        weights: tinyWeights(config),
        tokenizer: tinyTokenizer(),
      });
      const agents = [];
      for (const id of [0, 1])
        agents.push({ id, name: `agent ${id}`, model: await on.load({ dir: join(folder, 'model') }) });
      const memory = new MemoryRun();
      try {
        await runTraining({
          team: { protocol: createRelay(2), agents },
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
          store: memory.open(),
          loadAgent: (dir) => on.load({ dir, optimizer: true }),
        });
        return { updates: memory.eventsOf('update'), rollouts: memory.eventsOf('rollout') };
      } finally {
        memory.remove();
        for (const { model } of agents) await model.close();
      }
    }

    it('has the rollouts, attempts and decisions of the embedded engine', async () => {
      const [embedded, torch] = [await trained(onnx), await trained(engine)];
      expect(torch.rollouts).toEqual(embedded.rollouts);
      expect(embedded.updates).toHaveLength(2);
      expect(torch.updates).toHaveLength(2);
      let backtracks = 0;
      embedded.updates.forEach((update, index) => {
        const other = torch.updates[index]!;
        for (const key of ['agent', 'status', 'reward', 'tokens', 'trajectories', 'meanLength'] as const)
          expect(other[key], key).toEqual(update[key]);
        expect(other.attempts).toHaveLength(update.attempts.length);
        backtracks += update.attempts.length - 1;
        update.attempts.forEach((attempt, a) => {
          // The first steps of Adam are nearly the signs of the gradients, so rounding of entries near 0
          // moves weights a little.
          const allowed = 1e-5 + 0.02 * attempt.klQuantile;
          expect(Math.abs(other.attempts[a]!.klQuantile - attempt.klQuantile)).toBeLessThan(allowed);
        });
        expect(Math.abs(other.gradNorm! / update.gradNorm! - 1)).toBeLessThan(1e-3);
        expect(other.logpMismatchMax).toBeLessThan(1e-4);
      });
      expect(backtracks).toBeGreaterThan(0);
    });
  });
