/**
 * Tests of the options for baselines: update schedule, credit (whether agents learn from the team's or their
 * own verdict), state weights, and the trust region's mode `record`, which measures KL but keeps every
 * update.
 */
import { describe, expect, it } from 'vitest';
import { blindGame, playedBy } from '../core/tabular/observed-episode.ts';
import { binaryTeam } from '../core/tabular/worlds.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { createDebate } from '../team/debate.ts';
import { createRelay } from '../team/relay.ts';
import { createVote } from '../team/vote.ts';
import { createWorldTask } from '../theory/world-task.ts';
import { ACTION_TOKENS, createWorldTeam, exactObjective } from '../theory/world-team.ts';
import { batchAdvantages } from './advantages.ts';
import type { Batch } from './batch.ts';
import type { UpdateRecord } from './events.ts';
import type { TrainOptions } from './options.ts';
import { runStage } from './stage.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import { createContext, createTeam, type OptionChanges, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

function updates(context: ReturnType<typeof createContext>): UpdateRecord[] {
  return context.events.filter((event) => event.kind === 'update');
}

/** A game of two agents whose reward is lowest if both choose action 1 (G1). */
const game = blindGame([2, 2], [0, 2, 2, -1]);

async function playGame(updateSchedule: TrainOptions['updateSchedule'], changes: OptionChanges = {}) {
  const team = createWorldTeam(game, playedBy(game, binaryTeam(0.38, 0.38)), createTabularModel);
  const options = trainOptions({
    updateSchedule,
    maxCompletionLength: ACTION_TOKENS,
    promptsPerStep: 64,
    minibatchSize: 1024,
    numGenerations: 16,
    normalise: 'mean',
    trustRegion: { targetKl: 0.02, targetKlMessage: 0.02 },
    // Adam without momentum normalises the gradient, so only the KL limit determines the size of the step
    optimizer: { learningRate: 0.4, beta1: 0, beta2: 0, epsilon: 1e-8, maxGradNorm: 1e9 },
    ...changes,
  });
  const context = createContext(team, options, createWorldTask(game));
  const before = exactObjective(game, team);
  await runStage(context, team, 1);
  return { gain: exactObjective(game, team) - before, context };
}

describe('the update schedule', () => {
  it.each([1, 2, 3])(
    'raises J when sequential and lowers it when simultaneous on G1 (seed %i)',
    async (seed) => {
      const sequential = await playGame('sequential', { seed });
      const simultaneous = await playGame('simultaneous', { seed });
      expect(sequential.gain).toBeGreaterThan(0.02);
      expect(simultaneous.gain).toBeLessThan(-0.005);
      for (const { context } of [sequential, simultaneous])
        expect(updates(context).map(({ status }) => status)).toEqual(['ACCEPT', 'ACCEPT']);
    },
  );

  it('lowers J with reused rollouts too', async () => {
    const { gain, context } = await playGame('simultaneous', { rolloutMode: 'reuse' });
    expect(gain).toBeLessThan(-0.005);
    // all agents are trained before any update takes effect, so every importance weight is 1
    expect(updates(context).map(({ essShare }) => essShare)).toEqual([1, 1]);
  });

  it('plays every batch before the first update when simultaneous, with as many rollouts', async () => {
    const kinds = async (schedule: TrainOptions['updateSchedule']) => {
      const { context } = await playGame(schedule);
      return context.events.map(({ kind }) => kind).filter((kind) => kind !== 'phase');
    };
    expect(await kinds('sequential')).toEqual(['stage_started', 'rollout', 'update', 'rollout', 'update']);
    expect(await kinds('simultaneous')).toEqual(['stage_started', 'rollout', 'rollout', 'update', 'update']);
  });
});

describe('credit', () => {
  it('own: an agent’s update does not depend on its teammates', async () => {
    const learn = async (agents: number, agent: number) => {
      const team = createTeam(createVote(), agents);
      const context = createContext(team, trainOptions({ credit: 'own', order: 'static' }));
      await runStage(context, team, 1);
      return { bytes: await savedBytes(team.agents[agent].model), context };
    };
    const inThree = await learn(3, 1);
    const inTwo = await learn(2, 1);
    expect(inThree.bytes).toEqual(inTwo.bytes);
    const [first] = updates(inThree.context);
    expect(first.trajectories).toBe(16 * 8);
    const rollouts = inThree.context.events.filter((event) => event.kind === 'rollout');
    for (const { tokens, trajectories } of rollouts) expect(tokens).toBeLessThanOrEqual(2 * trajectories);
  });

  it('own: the episodes of a debate contain the learning agent only', async () => {
    const team = createTeam(createDebate({ rounds: 2 }), 2);
    const context = createContext(team, trainOptions({ credit: 'own' }));
    const lines: object[] = [];
    await runStage({ ...context, transcribe: (_, rows) => void lines.push(...rows) }, team, 1);
    const messageCounts = (lines as { agent: number; messages: { agent: number }[] }[]).map(
      ({ agent, messages }) => messages.every((message) => message.agent === agent) && messages.length,
    );
    expect(new Set(messageCounts)).toEqual(new Set([2]));
  });
});

describe('state weights', () => {
  /**
   * Two episodes of one prompt. In the first one agent 0 acts at turns 0 and 2, agent 1 at turn 1. In the
   * second one only agent 0 acts, at turn 0.
   */
  const batch = {
    trajectories: [1, 0].map((reward) => ({ group: 0, reward })),
    own: [
      { messages: [{ turn: 0 }, { turn: 2 }, { turn: 0 }], trajectoryOf: [0, 0, 1] },
      { messages: [{ turn: 1 }], trajectoryOf: [0] },
    ],
  } as unknown as Batch; // this batch has only the fields that `batchAdvantages` reads
  const weights = {
    c_N: [Float64Array.of(0.5, 1, 0.25), Float64Array.of(1, 1, 1)],
    omega_N: Float64Array.of(0.125, 1),
    logWeight_N: Float64Array.of(0, 0),
    meanLogWeight: 0,
    essShare: 1,
  };
  const advantagesOf = (agent: number, stateWeight: boolean) => [
    ...batchAdvantages(batch, agent, {
      weights,
      options: trainOptions({ stateWeight, normalise: 'mean', advantageClip: 5 }),
    }),
  ];

  it('true: weight an episode by omega for every learner', () => {
    // The weights omega are 0.125 and 1, the rewards 1 and 0. The baseline b is the weighted mean reward; the
    // advantages omega (R - b) are then centred.
    const b = 0.125 / 1.125;
    const raw = [0.125 * (1 - b), -b];
    const mean = (raw[0] + raw[1]) / 2;
    for (const agent of [0, 1])
      expect(advantagesOf(agent, true)).toEqual(raw.map((a) => expect.closeTo(a - mean, 12)));
  });

  it('false: weight an episode by the mean weight of the turns after the own turns', () => {
    // agent 0's weight, the mean over its turns of the importance weight of the later turns, is (1 * 0.25 +
    // 1) / 2 in the first episode and 1 in the second
    const b = 0.625 / 1.625;
    const raw = [0.625 * (1 - b), -b];
    const mean = (raw[0] + raw[1]) / 2;
    expect(advantagesOf(0, false)).toEqual(raw.map((a) => expect.closeTo(a - mean, 12)));
    // Agent 1 has messages only in the first episode, so its baseline is the reward of that episode and its
    // advantage there is 0. Its advantage in the second episode is 0 because it has no messages in it.
    expect(advantagesOf(1, false)).toEqual([0, 0]);
  });

  it('have an effect with reused rollouts only', async () => {
    const bytesOf = async (stateWeight: boolean, rolloutMode: 'fresh' | 'reuse') => {
      const team = createTeam(createRelay(3), 3);
      const context = createContext(team, trainOptions({ stateWeight, rolloutMode }));
      await runStage(context, team, 1);
      return Promise.all(team.agents.map(({ model }) => savedBytes(model)));
    };
    expect(await bytesOf(false, 'fresh')).toEqual(await bytesOf(true, 'fresh'));
    expect(await bytesOf(false, 'reuse')).not.toEqual(await bytesOf(true, 'reuse'));
  });
});

it('gate record keeps updates that gate enforce rejects, with the same measurements', async () => {
  const play = async (gate: 'enforce' | 'record') => {
    const team = createTeam(createVote(), 2);
    const trustRegion = { targetKl: 1e-9, maxBacktracks: 1, gate };
    const context = createContext(team, trainOptions({ trustRegion }));
    await runStage(context, team, 1);
    return { updates: updates(context), state: context.state };
  };
  const enforced = await play('enforce');
  const recorded = await play('record');
  expect(enforced.updates.map(({ status }) => status)).toEqual(['REJECT_KL', 'REJECT_KL']);
  expect(recorded.updates.map(({ status }) => status)).toEqual(['ACCEPT', 'ACCEPT']);
  const [{ attempts: taken }] = enforced.updates;
  const [{ attempts: kept }] = recorded.updates;
  expect(kept).toHaveLength(1);
  expect(kept[0].klQuantile).toBe(taken[0].klQuantile);
  expect(kept[0].klQuantile).toBeGreaterThan(1e-9);
  expect(recorded.state.agents).toEqual([
    { beta: 0.001, lrScale: 1 },
    { beta: 0.001, lrScale: 1 },
  ]);
});

it('simultaneous updates of parallel models run concurrently and give the same bytes', async () => {
  const play = async (isParallel: boolean) => {
    const plain = createTeam(createVote(), 2);
    let [busy, most] = [0, 0];
    const agents = plain.agents.map((agent) => ({
      ...agent,
      model: wrapModel(agent.model, {
        capabilities: { ...agent.model.capabilities, parallel: isParallel },
        divergence: async (...args) => {
          most = Math.max(most, ++busy);
          for (let pause = 0; pause < 20; pause++) await Promise.resolve();
          busy--;
          return agent.model.divergence(...args);
        },
      }),
    }));
    const context = createContext(plain, trainOptions({ updateSchedule: 'simultaneous' }));
    await runStage(context, { ...plain, agents }, 1);
    const bytes = await Promise.all(plain.agents.map(({ model }) => savedBytes(model)));
    return { most, bytes, events: context.events.filter(({ kind }) => kind !== 'phase') };
  };
  const [sequential, concurrent] = [await play(false), await play(true)];
  expect([sequential.most, concurrent.most]).toEqual([1, 2]);
  expect(concurrent.bytes).toEqual(sequential.bytes);
  expect(concurrent.events).toEqual(sequential.events);
});
