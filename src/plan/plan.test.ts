import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createDebate } from '../team/debate.ts';
import { createRelay } from '../team/relay.ts';
import { rollout } from '../team/rollout.ts';
import type { Protocol, Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { calibrate } from './calibrate.ts';
import { modelBytes, planCost } from './cost.ts';
import { type WorkloadOptions, workloadOf } from './workload.ts';

const QUICKSTART: WorkloadOptions = {
  agents: 3,
  protocol: 'vote',
  rounds: 1,
  stages: 15,
  reuse: false,
  sharedCompanions: true,
  alone: false,
  promptsPerStep: 64,
  numGenerations: 8,
  numIterations: 1,
  minibatchSize: 128,
  klTerm: true,
  stagePrompts: 0,
  certificatePrompts: 0,
  gate: { prompts: 300, every: 5 },
  evaluation: { prompts: 500, samples: 2, contestants: 4 },
};

const task: Task = {
  name: 'letters',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'ab'[index % 2]! }),
  verify: (_, text) => ({
    correct: text.length > 1,
    reward: text.length > 1 ? 1 : 0,
    answer: text,
    reason: '',
  }),
};

function teamOf(protocol: Protocol): Team {
  const model = (seed: number) => createTabularModel({ alphabet: 'abcdefgh', prior: { scale: 1, seed } });
  return { protocol, agents: [0, 1, 2].map((id) => ({ id, name: `a${id}`, model: model(id) })) };
}

describe('the workload of a run', () => {
  it('equals the count by hand for quickstart', () => {
    // for each of the three agents that learn: its own 512 messages, and one message per prompt of each of
    // the other two agents
    expect(workloadOf(QUICKSTART, 0.5)).toEqual({
      stage: {
        sampled: 3 * (512 + 2 * 64),
        scored: 3 * 512,
        plainBackward: 3 * 64, // half of the first of four minibatches
        fullBackward: 3 * 192,
        compared: 3 * 512,
        steps: 12,
      },
      gateMessages: 2 * 300 * 3,
      gates: 3,
      evaluationMessages: 500 * 2 * 4 * 3,
    });
  });

  it('has one batch for all agents with rollout_mode reuse, and no forward passes without a KL term', () => {
    const { stage } = workloadOf({ ...QUICKSTART, reuse: true, klTerm: false }, 1);
    expect(stage).toMatchObject({
      sampled: 3 * 512,
      scored: 6 * 512,
      plainBackward: 3 * 512,
      fullBackward: 0,
    });
  });

  it.each<[string, number, Protocol]>([
    ['vote', 1, createVote()],
    ['relay', 1, createRelay(3)],
    ['debate', 2, createDebate()],
  ])(
    'has as many messages of %s as a rollout samples, or up to a quarter more',
    async (protocol, rounds, rules) => {
      const options = { ...QUICKSTART, protocol, rounds, promptsPerStep: 4, numGenerations: 6 };
      let sampled = 0;
      for (let learner = 0; learner < 3; learner++) {
        const trajectories = await rollout(teamOf(rules), task, {
          items: [0, 1, 2, 3].map((index) => task.item('train', index)),
          samples: 6,
          temperature: 1,
          maxTokens: 6,
          stream: randomStream(4, learner),
          learner,
        });
        sampled += new Set(trajectories.flatMap(({ messages }) => messages.map(({ tokens }) => tokens))).size;
      }
      const planned = workloadOf(options, 1).stage.sampled;
      expect(planned / sampled).toBeGreaterThanOrEqual(1);
      // the plan is an upper bound, because a rollout samples only once if the contexts happen to be equal
      expect(planned / sampled).toBeLessThan(1.25);
    },
  );
});

describe('the cost of a run', () => {
  const rates = {
    sampleMessage: 0.01,
    forwardToken: 0.001,
    backwardToken: 0.002,
    fullBackwardToken: 0.003,
    divergenceToken: 0.002,
    step: 0.1,
    messageTokens: 10,
    sequenceTokens: 20,
    activeShare: 1,
    residentBytes: 1e9,
    loadedBytes: 48e6,
  };
  const models = [1, 2, 3].map(() => ({ parameters: 1e6, trainedParameters: 1e6, attention: 512 }));

  it('is the workload times the rates', () => {
    const plan = planCost(workloadOf(QUICKSTART, 1), rates, { models, stages: 15, promotes: true });
    expect(plan.stage.phases).toEqual({
      rollout: expect.closeTo(19.2),
      score: expect.closeTo(30.72),
      update: expect.closeTo(384 * 0.04 + 1152 * 0.08 + 1.2),
      divergence: expect.closeTo(61.44),
    });
    expect(plan.stage.tokens).toBe(19_200);
    expect(plan.seconds.most - plan.seconds.least).toBeCloseTo(3 * 18);
    // operations per message: 2 x 10^6 x 20 for weights plus 2 x 512 x 400 for attention; forward passes per
    // stage: 1920 sampled + 1536 scored + 3 x 384 plain backward + 5 x 1152 full backward + 2 x 1536 compared
    expect(plan.stage.flops).toBeCloseTo(13_440 * (4e7 + 409_600));
    // -48e6: models of the calibration, 16 bytes per parameter; 96e6: for each of 3e6 parameters, 16 bytes
    // for training, 4 for the untrained team and 12 for the champion (the copy of the team to deploy); 12e6:
    // one snapshot
    expect(plan.memoryBytes).toBe(1e9 - 48e6 + 96e6 + 12e6);
  });

  it('of adapters counts a shared base once and trains the adapters alone', () => {
    const adapted = { parameters: 1e9, trainedParameters: 1e6, attention: 512 };
    const shared = { ...adapted, frozen: { folder: 'base', bytes: 4e9 } };
    const own = { ...adapted, frozen: { folder: 'other', bytes: 2e9 } };
    const team = [shared, shared, own];
    expect(modelBytes(team)).toBe(6e9 + 3 * 16e6);
    const measured = { ...rates, residentBytes: 8e9, loadedBytes: modelBytes(team) };
    const plan = planCost(workloadOf(QUICKSTART, 1), measured, { models: team, stages: 15, promotes: true });
    expect(plan.memoryBytes).toBe(8e9 + 3 * 16e6 + 12e6);
    // the base has no weight gradients, so backward passes cost 2.001 and 4.001 forward passes instead of 3
    // and 5
    const passes = 1920 + 1536 + 2.001 * 384 + 4.001 * 1152 + 2 * 1536;
    expect(plan.stage.flops).toBeCloseTo(passes * (4e10 + 409_600), -6);
  });
});

it('calibration measures lengths, shares and rates of a team', async () => {
  const rates = await calibrate(teamOf(createVote()), task, {
    seed: 1,
    promptsPerStep: 8,
    numGenerations: 4,
    temperature: 1,
    maxTokens: 6,
    agentReward: 0,
    sharedCompanions: true,
    tokenBudget: 64,
    decodeBatch: 8,
  });
  expect(rates.messageTokens).toBeGreaterThan(1);
  expect(rates.messageTokens).toBeLessThanOrEqual(6);
  expect(rates.sequenceTokens).toBeGreaterThan(rates.messageTokens);
  expect(rates.activeShare).toBeGreaterThan(0);
  expect(rates.activeShare).toBeLessThanOrEqual(1);
  for (const key of ['sampleMessage', 'forwardToken', 'backwardToken', 'divergenceToken'] as const)
    expect(rates[key]).toBeGreaterThan(0);
});
