import { afterEach, describe, expect, it } from 'vitest';
import type { Model } from '../engine/engine.ts';
import { createTabularEngine } from '../engine/tabular/engine.ts';
import type { Task } from '../task/task.ts';
import { createRelay } from '../team/relay.ts';
import { createVote } from '../team/vote.ts';
import type { RunEvent } from './events.ts';
import { Interrupted } from './interrupted.ts';
import { runTraining, type TrainingRun } from './run.ts';
import { createLetterTask, LETTERS } from './testing/letter-task.ts';
import { MemoryRun } from './testing/memory-store.ts';
import { folderBytes, savedBytes } from './testing/saved-bytes.ts';
import { createTeam, type OptionChanges, type TabularTeam, teach, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

const runs: MemoryRun[] = [];

afterEach(() => {
  for (const run of runs.splice(0)) run.remove();
});

function newRun(): MemoryRun {
  const run = new MemoryRun();
  runs.push(run);
  return run;
}

const gate = { kind: 'promotion', every: 2, nPlan: 80, alpha: 0.2, tolerance: 0.02 } as const;
const small: OptionChanges = {
  stages: 8,
  saveSteps: 3,
  promptsPerStep: 6,
  order: 'random',
  trustRegion: { targetKl: 1, targetKlMessage: 1 },
  optimizer: { learningRate: 0.5, adaptToRadius: true },
  gate,
};

interface World {
  readonly team?: TabularTeam;
  readonly task?: Task;
}

function training(memory: MemoryRun, changes: OptionChanges = small, world: World = {}): TrainingRun {
  return {
    team: world.team ?? createTeam(createVote(), 2),
    task: world.task ?? createLetterTask(),
    options: trainOptions(changes),
    store: memory.open(),
    loadAgent: (dir) => createTabularEngine().load({ dir, optimizer: true }),
  };
}

/** Returns all data that a run wrote. */
function contentsOf(memory: MemoryRun): unknown {
  const { events, metrics, completions, dir, champion } = memory;
  const logs = { events: [...events], metrics: [...metrics], completions: [...completions] };
  return { ...logs, files: folderBytes(dir), champion };
}

describe('a training run', () => {
  it('saves after every promotion test, so that no prompt is used for two tests', async () => {
    const memory = newRun();
    // three prompts are too few for the acceptance test to decide at error probability 0.01
    const undecided = { ...gate, nPlan: 3, alpha: 0.01 };
    await runTraining(training(memory, { ...small, stages: 4, saveSteps: 100, gate: undecided }));
    const tested = memory.eventsOf('gate').map(({ stage }) => stage);
    const saved = memory.eventsOf('checkpoint').map(({ stage }) => stage);
    expect(memory.eventsOf('gate').every(({ decision }) => decision === 'keep')).toBe(true);
    expect(tested).toEqual([2, 4]);
    expect(saved).toEqual(expect.arrayContaining(tested));
  });

  it('learns, promotes proved gains, and saves the champion', async () => {
    const memory = newRun();
    const run = training(memory);
    const { team, champion, state } = await runTraining(run);
    const rewards = memory.eventsOf('stage_finished').map(({ reward }) => reward);
    expect(rewards).toHaveLength(8);
    expect(rewards[7]).toBeGreaterThan(rewards[0] + 0.3);
    const gates = memory.eventsOf('gate');
    expect(gates.map(({ stage }) => stage)).toEqual([2, 4, 6, 8]);
    const promoted = gates.filter(({ decision }) => decision === 'promote').map(({ stage }) => stage);
    expect(promoted.length).toBeGreaterThan(0);
    expect(state.gate.promotions).toBe(promoted.length);
    expect(gates.reduce((sum, { alpha }) => sum + alpha, 0)).toBeLessThan(0.2);

    const kept = run.store.champion();
    expect(kept?.stage).toBe(promoted.at(-1));
    await champion?.load();
    for (const { id, model } of team.agents)
      expect(await savedBytes(model)).toEqual(folderBytes(`${kept?.path}/agent_${id}`));
  });

  it('emits its events in order', async () => {
    const memory = newRun();
    await runTraining(
      training(memory, { ...small, stages: 2, saveSteps: 1, beta: 0.5, gate: { kind: 'off' } }),
    );
    const kinds = memory.events.map((line) => (JSON.parse(line) as RunEvent).kind);
    const stage = ['stage_started', 'rollout', 'update', 'rollout', 'update', 'stage_finished', 'checkpoint'];
    expect(kinds).toEqual(['run_started', 'warning', 'checkpoint', ...stage, ...stage, 'run_finished']);
    expect(memory.eventsOf('warning')[0].message).toContain(
      'loss.beta 0.5 has no effect with a single optimizer step',
    );
    expect(memory.eventsOf('checkpoint').map(({ name }) => name)).toEqual([
      'stage-0000',
      'stage-0001',
      'stage-0002',
    ]);
    expect(memory.completions.length).toBeGreaterThan(0);
  });

  it('reports the progress of each phase', async () => {
    const phases: Extract<RunEvent, { kind: 'phase' }>[] = [];
    const sink = { emit: (event: RunEvent) => void (event.kind === 'phase' && phases.push(event)) };
    await runTraining({ ...training(newRun(), { ...small, stages: 2 }), sinks: [sink] });
    expect(new Set(phases.map(({ phase }) => phase))).toEqual(
      new Set(['rollout', 'score', 'update', 'divergence', 'gate', 'checkpoint']),
    );
    for (const { done = 0, total = 0 } of phases) expect(done).toBeLessThanOrEqual(total);
  });

  it('counts the tokens of all stages in its metrics', async () => {
    const memory = newRun();
    await runTraining(training(memory, { ...small, stages: 3 }));
    const sampled = memory.eventsOf('rollout').reduce((sum, { tokens }) => sum + tokens, 0);
    const rows = memory.metrics.map((line) => JSON.parse(line) as Record<string, unknown>);
    const stages = rows.filter((row) => 'accepted' in row);
    expect(stages.map(({ stage }) => stage)).toEqual([1, 2, 3]);
    expect(stages[2].num_tokens).toBe(sampled);
    expect(rows.filter((row) => 'agent_1/status' in row)).toHaveLength(3);
    expect(rows.filter((row) => 'gate/wealth' in row)).toHaveLength(2); // stage 2 and the last
  });

  it('evaluates the team on the same test prompts after every stage without changing the training', async () => {
    const play = async (stageEvaluationPrompts: number) => {
      const memory = newRun();
      const { team } = await runTraining(training(memory, { ...small, stages: 3, stageEvaluationPrompts }));
      return { memory, bytes: await Promise.all(team.agents.map(({ model }) => savedBytes(model))) };
    };
    const { memory, bytes } = await play(40);
    const measured = memory.eventsOf('stage_evaluation');
    expect(measured.map(({ stage, rewards }) => [stage, rewards.length])).toEqual([
      [0, 40],
      [1, 40],
      [2, 40],
      [3, 40],
    ]);
    const means = measured.map(({ rewards }) => rewards.reduce((sum, r) => sum + r, 0) / 40);
    expect(means[3]).toBeGreaterThan((means[0] ?? 1) + 0.2);
    expect(memory.metrics.filter((line) => line.includes('test/reward'))).toHaveLength(4);
    const without = await play(0);
    expect(without.bytes).toEqual(bytes);
    expect(without.memory.eventsOf('stage_evaluation')).toEqual([]);
  });

  it('records the events of the final evaluation before run_finished', async () => {
    const memory = newRun();
    const difference = { mean: 0.1, low: 0, high: 0.2, prompts: 5 };
    await runTraining({
      ...training(memory, { ...small, stages: 1 }),
      evaluate: async ({ team }) => [
        { kind: 'comparison', stage: 1, label: `${team.agents.length} agents`, difference },
      ],
    });
    const last = memory.events.slice(-2).map((line) => JSON.parse(line) as RunEvent);
    expect(last).toEqual([
      { kind: 'comparison', stage: 1, label: '2 agents', difference },
      { kind: 'run_finished', stage: 1 },
    ]);
  });

  it('never trains on prompts of the validation split', async () => {
    const task = createLetterTask({ letters: { train: 'ab', validation: 'cd' } });
    const team = createTeam(createVote(), 2);
    const { state } = await runTraining(training(newRun(), small, { team, task }));
    expect(state.prompts.validation).toBeGreaterThan(0);
    const prompts = team.agents.flatMap(({ model }) =>
      model.trainedStates().map(([prompt]) => LETTERS[prompt]),
    );
    expect(new Set(prompts)).toEqual(new Set('ab'));
  });

  it('rejects updates that are not finite and completes the run', async () => {
    const memory = newRun();
    const optimizer = { learningRate: Number.POSITIVE_INFINITY };
    const team = createTeam(createVote(), 2);
    const before = await savedBytes(team.agents[0].model);
    await runTraining(training(memory, { ...small, stages: 2, optimizer }, { team }));
    expect(memory.eventsOf('update').map(({ status }) => status)).toEqual(Array(4).fill('REJECT_NAN'));
    expect(await savedBytes(team.agents[0].model)).toEqual(before);
    expect(memory.eventsOf('run_finished')).toHaveLength(1);
  });
});

/**
 * Creates a world in which training lowers the reward on validation prompts. The train split rewards the next
 * letter; the validation split rewards the previous letter, which the base team prefers.
 */
function misledWorld(): World {
  const team = createTeam(createVote(), 2);
  teach(team, 3, 2);
  return { team, task: createLetterTask({ shifts: { validation: 3 } }) };
}

describe('a run that is interrupted', () => {
  it.each([
    ['with promotions', () => ({}), small, 'promote'],
    ['with rollbacks', misledWorld, small, 'rollback'],
    ['with reused rollouts', () => ({}), { ...small, rolloutMode: 'reuse' }, 'promote'],
    [
      'with greedy order and stage evaluations',
      () => ({}),
      { ...small, order: 'greedy', stageEvaluationPrompts: 5 },
      'promote',
    ],
  ] as const)(
    'ends with the same bytes as an uninterrupted one (%s)',
    async (_, world, changes, decision) => {
      const uninterrupted = newRun();
      let length = 0;
      const counting = { emit: () => void length++ };
      await runTraining({ ...training(uninterrupted, changes, world()), sinks: [counting] });
      expect(uninterrupted.eventsOf('gate').map((record) => record.decision)).toContain(decision);

      for (const every of [Math.floor(0.9 * length), Math.ceil(length / 3), Math.ceil(length / 7)]) {
        const resumed = newRun();
        let attempts = 0;
        for (let finished = false; !finished; attempts++) {
          expect(attempts).toBeLessThan(50);
          // each process is interrupted after more events than the previous one, so that the run ends
          finished = await runUntil(resumed, every + 11 * attempts, training(resumed, changes, world()));
        }
        expect(attempts).toBeGreaterThan(1);
        expect(contentsOf(resumed)).toEqual(contentsOf(uninterrupted));
      }
    },
  );

  it('throws Interrupted with the last checkpoint and exit code 130', async () => {
    const memory = newRun();
    const abort = new AbortController();
    const sink = { emit: (event: RunEvent) => event.kind === 'stage_finished' && abort.abort() };
    const stopped = runTraining({
      ...training(memory, { ...small, saveSteps: 1 }),
      sinks: [{ emit: (event) => void sink.emit(event) }],
      signal: abort.signal,
    });
    await expect(stopped).rejects.toMatchObject({
      name: 'Interrupted',
      exitCode: 130,
      message: 'interrupted; everything up to stage-0001 is saved, resume with --resume',
    });
    expect(memory.eventsOf('run_finished')).toHaveLength(0);
  });

  it('does not change after it is finished', async () => {
    const memory = newRun();
    await runTraining(training(memory));
    const before = contentsOf(memory);
    await runTraining(training(memory));
    expect(memory.eventsOf('run_finished')).toHaveLength(1);
    expect(contentsOf(memory)).toEqual(before);
  });

  it('rejects a team of another size when it is resumed', async () => {
    const memory = newRun();
    await runTraining(training(memory, { ...small, stages: 1 }));
    const larger = training(memory, small, { team: createTeam(createVote(), 3) });
    await expect(runTraining(larger)).rejects.toThrow('expected 3 agents, got 2');
  });
});

/** Interrupts a run after the given number of events. Returns whether the run finished before. */
async function runUntil(memory: MemoryRun, events: number, run: TrainingRun): Promise<boolean> {
  const abort = new AbortController();
  let seen = 0;
  const sink = { emit: () => void (++seen === events && abort.abort()) };
  try {
    await runTraining({ ...run, store: memory.open(), sinks: [sink], signal: abort.signal });
    return true;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    return false;
  }
}

describe('an invalid run', () => {
  async function rejected(changes: OptionChanges, world: World = {}, replaced: Partial<Model> = {}) {
    const memory = newRun();
    const run = training(memory, changes, world);
    const agents = run.team.agents.map((agent) => ({ ...agent, model: wrapModel(agent.model, replaced) }));
    const error = await runTraining({ ...run, team: { ...run.team, agents } }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { error, memory };
  }

  it('is rejected before anything is written', async () => {
    const { capabilities } = createTeam(createVote(), 1).agents[0].model;
    const frozen = await rejected(small, {}, { capabilities: { ...capabilities, exactKl: false } });
    expect(frozen.error).toMatchObject({
      name: 'ConfigError',
      message: expect.stringMatching(/^agent "table 0": expected a trainable model with exact divergences/),
    });
    expect(frozen.memory.events).toEqual([]);

    const slack = await rejected({ ...small, trustRegion: { slack: 'binom' } });
    expect(slack.error).toMatchObject({
      message: expect.stringMatching(/at least 299 episodes .* got 6 prompts x 8 = 48/),
    });

    const world = { team: createTeam(createRelay(2), 2) };
    const own = await rejected({ ...small, credit: 'own' }, world);
    expect(own.error).toMatchObject({
      message: expect.stringMatching(/^credit: expected team with protocol relay/),
    });
    const shared = await rejected({ ...small, credit: 'own', rolloutMode: 'reuse' });
    expect(shared.error).toMatchObject({ message: expect.stringContaining('choose rollout_mode fresh') });
    const stepwise = await rejected({ ...small, updateSchedule: 'simultaneous', gate: { kind: 'step' } });
    expect(stepwise.error).toMatchObject({
      message: expect.stringContaining('one after the other, got simultaneous'),
    });

    const tooMany = await rejected(
      { ...small, stageEvaluationPrompts: 9 },
      { task: createLetterTask({ sizes: { test: 5 } }) },
    );
    expect(tooMany.error).toMatchObject({
      message: expect.stringMatching(/^eval.stage_prompts: .* at most the 5/),
    });

    const empty = await rejected(small, { task: createLetterTask({ sizes: { train: 0 } }) });
    expect(empty.error).toMatchObject({ message: expect.stringContaining('at least one prompt') });
  });

  it('stops at the first check if an agent samples from another policy than it trains', async () => {
    const memory = newRun();
    const run = training(memory);
    const [first, second] = run.team.agents;
    const model = wrapModel(second.model, {
      sample: (requests, params) => second.model.sample(requests, { ...params, temperature: 0.9 }),
    });
    const team = { ...run.team, agents: [first, { ...second, model }] };
    await expect(runTraining({ ...run, team })).rejects.toMatchObject({ code: 'TROUPE_LOGP_MISMATCH' });
    expect(memory.eventsOf('stage_started')).toEqual([]);
  });

  it('stops at a reward outside of the task’s range', async () => {
    const task = createLetterTask();
    const verify: Task['verify'] = (item, text) => ({ ...task.verify(item, text), reward: Number.NaN });
    const { error } = await rejected(small, { task: { ...task, verify } });
    expect(error).toMatchObject({
      name: 'TaskError',
      message: expect.stringMatching(/from 0 to 1 .*got NaN/),
    });
  });
});
