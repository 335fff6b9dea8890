import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createDebate } from '../team/debate.ts';
import { createRelay } from '../team/relay.ts';
import { rollout } from '../team/rollout.ts';
import type { Protocol, Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { QUICKSTART } from './testing/quickstart-workload.ts';
import { type PassCall, workloadOf } from './workload.ts';

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
    expect(workloadOf(QUICKSTART, 0.5)).toMatchObject({
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
      checkpoints: 16,
    });
  });

  it('has passes over groups of a prompt, over single episodes of certificates, and over the check', () => {
    const { stage, start } = workloadOf({ ...QUICKSTART, certificatePrompts: 16 }, 0.5).calls;
    const perContext = (calls: readonly PassCall[]) => new Set(calls.map((call) => call.perContext));
    expect(perContext(stage.score)).toEqual(new Set([8, 1]));
    expect(perContext(stage.divergence)).toEqual(new Set([8, 1]));
    expect(perContext(start.passes)).toEqual(new Set([2]));
    // in a relay, the contexts of later agents contain a message of the learner or of an unshared companion
    const relay = workloadOf({ ...QUICKSTART, protocol: 'relay', rounds: 2 }, 0.5).calls.stage;
    expect(perContext(relay.divergence)).toEqual(new Set([2 / (1 / 8 + 1)]));
  });

  it('is a list of calls: of the learner all samples, of its companions one message per prompt', () => {
    const { stage, gate, evaluation, start } = workloadOf(QUICKSTART, 0.5).calls;
    const own = { round: 0, contexts: 64, times: 1 };
    expect(stage.rollout.slice(0, 3)).toEqual([
      { agent: 0, messages: 512, ...own },
      { agent: 1, messages: 64, ...own },
      { agent: 2, messages: 64, ...own },
    ]);
    // a minibatch has a quarter of the 8 episodes of a prompt, and at least one episode of 90% of the prompts
    const perContext = expect.closeTo(2 / (1 - 0.75 ** 8));
    expect(stage.update.slice(0, 1)).toEqual([
      { kind: 'backward', agent: 0, messages: 64, perContext, times: 1 },
    ]);
    expect(stage.update.slice(3, 4)).toEqual([
      { kind: 'fullBackward', agent: 0, messages: 64, perContext, times: 3 },
    ]);
    // 300 prompts are 9 times 32 and 12, and both teams play them
    expect(gate.filter(({ agent }) => agent === 0).map(({ messages, times }) => [messages, times])).toEqual([
      [32, 18],
      [12, 2],
    ]);
    expect(evaluation[0]).toEqual({ agent: 0, round: 0, messages: 1000, contexts: 500, times: 1 });
    expect(start.sampling[0]).toMatchObject({ messages: 4, contexts: 2 });
  });

  it('has no more test and validation prompts than the task', () => {
    const small = (validation: number) =>
      workloadOf({ ...QUICKSTART, splits: { validation, test: 40 } }, 0.5);
    expect(small(500)).toMatchObject({ gates: 2, gateMessages: 2 * 250 * 3 });
    expect(small(500).evaluationMessages).toBe(40 * 2 * 4 * 3);
    expect(small(0)).toMatchObject({ gates: 0, gateMessages: 0, calls: { gate: [] } });
  });

  it('counts the validation prompts of certificates per update, or once per stage', () => {
    const certified = { ...QUICKSTART, certificatePrompts: 100 };
    const without = workloadOf(QUICKSTART, 0.5).stage;
    const perUpdate = workloadOf(certified, 0.5).stage;
    expect(perUpdate.sampled - without.sampled).toBe(3 * 100 * 3);
    expect(perUpdate.scored - without.scored).toBe(2 * 100 * 3);
    expect(perUpdate.compared - without.compared).toBe(100 * 3);
    const perStage = workloadOf({ ...certified, simultaneous: true }, 0.5).stage;
    expect(perStage.sampled - without.sampled).toBe(100 * 3);
    expect(perStage.scored - without.scored).toBe(2 * 100 * 3);
    expect(perStage.compared).toBe(without.compared);
    const exhausted = workloadOf({ ...certified, splits: { validation: 299 } }, 0.5).stage;
    expect(exhausted).toEqual(without);
  });

  it('has a context for every episode once its transcript differs', () => {
    const relay = { ...QUICKSTART, protocol: 'relay', promptsPerStep: 4, numGenerations: 8 };
    const { rollout: calls } = workloadOf(relay, 1).calls.stage;
    // agent 1 learns: agent 0 writes before it and agent 2 after it
    expect(calls.slice(3, 6).map(({ messages, contexts }) => [messages, contexts])).toEqual([
      [4, 4],
      [32, 4],
      [32, 32],
    ]);
    const free = workloadOf({ ...relay, sharedCompanions: false }, 1).calls.stage.rollout;
    expect(free.slice(3, 6).map(({ messages, contexts }) => [messages, contexts])).toEqual([
      [32, 4],
      [32, 32],
      [32, 32],
    ]);
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
