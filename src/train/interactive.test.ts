import { afterEach, describe, expect, it } from 'vitest';
import { createTabularEngine } from '../engine/tabular/engine.ts';
import { createRelay } from '../team/relay.ts';
import { createRouter } from '../team/router.ts';
import type { Protocol } from '../team/team.ts';
import { createHunt } from '../team/testing/hunt-task.ts';
import { createVote } from '../team/vote.ts';
import { collectBatch } from './collect.ts';
import { runTraining, type TrainingRun } from './run.ts';
import { MemoryRun } from './testing/memory-store.ts';
import { folderBytes } from './testing/saved-bytes.ts';
import { createContext, createTeam, type OptionChanges, trainOptions } from './testing/world.ts';

const runs: MemoryRun[] = [];

afterEach(() => {
  for (const run of runs.splice(0)) run.remove();
});

function newRun(): MemoryRun {
  const run = new MemoryRun();
  runs.push(run);
  return run;
}

const options: OptionChanges = {
  stages: 6,
  saveSteps: 2,
  promptsPerStep: 16,
  maxCompletionLength: 1,
  trustRegion: { targetKl: 1, targetKlMessage: 1 },
  optimizer: { learningRate: 0.5 },
  gate: { kind: 'promotion', every: 2, nPlan: 40, alpha: 0.2 },
};

/** Creates a run on the hunt task with three rounds. The task uses the letters of the tabular team. */
function training(memory: MemoryRun, protocol: Protocol, changes: OptionChanges = {}): TrainingRun {
  return {
    team: createTeam(protocol, 2),
    task: createHunt(),
    options: trainOptions({ ...options, ...changes }),
    store: memory.open(),
    loadAgent: (dir) => createTabularEngine().load({ dir, optimizer: true }),
  };
}

const PROTOCOLS: [string, Protocol, OptionChanges][] = [
  ['relay', createRelay(2), {}],
  ['relay with reused rollouts', createRelay(2), { rolloutMode: 'reuse' }],
  ['router', createRouter(2, { order: 'random' }), {}],
  ['vote', createVote(), {}],
];

describe('training on an interactive task', () => {
  it.each(PROTOCOLS)('improves a %s team', async (_, protocol, changes) => {
    const memory = newRun();
    await runTraining(training(memory, protocol, { ...changes, stages: 8 }));
    const rewards = memory.eventsOf('stage_finished').map(({ reward }) => reward);
    expect(rewards.at(-1)).toBeGreaterThan(rewards[0] + 0.15);
    const rows = memory.completions.map(
      (row) => JSON.parse(row) as { messages: { agent: number | 'environment' }[] },
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { messages } of rows) expect(messages.at(-1)?.agent).toBe('environment');
  });

  it.each(PROTOCOLS)(
    'ends with the same bytes when a %s run is interrupted and resumed',
    async (_, protocol, changes) => {
      const contentsOf = ({ events, metrics, completions, dir, champion }: MemoryRun): unknown => {
        return {
          events: [...events],
          metrics: [...metrics],
          completions: [...completions],
          champion,
          files: folderBytes(dir),
        };
      };
      const uninterrupted = newRun();
      await runTraining(training(uninterrupted, protocol, changes));
      const resumed = newRun();
      const abort = new AbortController();
      let events = 0;
      const sink = { emit: () => void (++events === 60 && abort.abort()) };
      const stopped = runTraining({
        ...training(resumed, protocol, changes),
        sinks: [sink],
        signal: abort.signal,
      });
      await expect(stopped).rejects.toThrow('interrupted');
      await runTraining(training(resumed, protocol, changes));
      expect(contentsOf(resumed)).toEqual(contentsOf(uninterrupted));
    },
  );

  it('learns only from the agents’ own tokens', async () => {
    const team = createTeam(createRelay(2), 2);
    const context = createContext(team, trainOptions(options), createHunt());
    const batch = await collectBatch(context, team, { stage: 1, scored: team.agents });
    const replies = batch.trajectories.flatMap(({ replies = [] }) => replies);
    expect(replies.length).toBeGreaterThan(100);
    for (const agent of team.agents) {
      const { messages } = batch.own[agent.id];
      for (const { agent: author, tokens, logpSampler } of messages) {
        expect(author).toBe(agent.id);
        // the message contains no tokens of the environment's replies
        expect(tokens).toHaveLength(logpSampler.length);
      }
      expect(batch.mismatch.get(agent.id)?.max).toBeLessThan(1e-6);
    }
    const moves = batch.trajectories.reduce((sum, { messages }) => sum + messages.length, 0);
    expect(batch.own[0].messages.length + batch.own[1].messages.length).toBe(moves);
  });
});
