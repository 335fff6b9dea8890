/**
 * Compares a short run of the tabular engine with a committed file of all its decisions. Any change of a
 * random draw, a sum or the order of events changes this file. If such a change is intended, `npx vitest run
 * test/golden -u` updates the file; review the difference.
 */
import { expect, it } from 'vitest';
import { createTabularEngine } from '../../src/engine/tabular/engine.ts';
import { createRelay } from '../../src/team/relay.ts';
import type { Protocol } from '../../src/team/team.ts';
import { createVote } from '../../src/team/vote.ts';
import { runTraining } from '../../src/train/run.ts';
import { createLetterTask } from '../../src/train/testing/letter-task.ts';
import { MemoryRun } from '../../src/train/testing/memory-store.ts';
import { createTeam, type OptionChanges, trainOptions } from '../../src/train/testing/world.ts';

const shared: OptionChanges = {
  stages: 4,
  promptsPerStep: 8,
  saveSteps: 2,
  numIterations: 2,
  minibatchSize: 16,
  trustRegion: { targetKl: 0.05, targetKlMessage: 0.1 },
  optimizer: { learningRate: 0.3, adaptToRadius: true },
  gate: { kind: 'promotion', every: 2, nPlan: 60, alpha: 0.2 },
};

it.each<[string, Protocol, OptionChanges]>([
  ['vote-fresh', createVote(), { ...shared, order: 'random' }],
  ['relay-reuse', createRelay(2), { ...shared, rolloutMode: 'reuse', order: 'reverse' }],
])('a %s run has the recorded events and metrics', async (name, protocol, changes) => {
  const memory = new MemoryRun();
  try {
    await runTraining({
      team: createTeam(protocol, 2),
      task: createLetterTask(),
      options: trainOptions(changes),
      store: memory.open(),
      loadAgent: (dir) => createTabularEngine().load({ dir, optimizer: true }),
    });
    await expect(`${memory.events.join('\n')}\n`).toMatchFileSnapshot(`${name}.events.jsonl`);
    await expect(`${memory.metrics.join('\n')}\n`).toMatchFileSnapshot(`${name}.metrics.jsonl`);
  } finally {
    memory.remove();
  }
});
