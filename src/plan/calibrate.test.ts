import { describe, expect, it } from 'vitest';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createDebate } from '../team/debate.ts';
import { createRelay } from '../team/relay.ts';
import type { Protocol, Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { ASSUMED_ACTIVE_SHARE } from './active-share.ts';
import { type CalibrateOptions, calibrate } from './calibrate.ts';
import { meanMessage } from './rates.ts';

const task: Task = {
  name: 'letters',
  rewardRange: [0, 1],
  size: (split) => (split === 'train' ? 3 : 0),
  item: (split, index) => {
    if (index > 2) throw new RangeError(`expected an index from 0 to 2, got ${index}`);
    return { id: `${split}-${index}`, prompt: 'abc'[index]! };
  },
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

const agent = { costKey: 'x', policyKey: 'x', budget: 64, pairShare: 1e-4, cacheShare: 1e-4 };
const options: CalibrateOptions = {
  seed: 1,
  numGenerations: 4,
  temperature: 1,
  maxTokens: 6,
  agentReward: 0,
  truncated: 'judge',
  agents: [agent, { ...agent, costKey: 'y', policyKey: 'y' }, agent],
  decodeBatch: 8,
  prefillBudget: 4096,
  episodes: 32,
  needsFull: true,
  seconds: 2,
};

describe('a calibration', () => {
  it('measures lengths, shares and rates of a team', async () => {
    const rates = await calibrate(teamOf(createVote()), task, options);
    expect(rates.agents).toHaveLength(3);
    for (const own of rates.agents) {
      expect(meanMessage(own)).toBeGreaterThan(1);
      expect(meanMessage(own)).toBeLessThanOrEqual(6);
      expect(own.messagesPerEpisode).toBe(1);
      for (const key of ['forward', 'backward', 'fullBackward', 'divergence'] as const)
        expect(own[key].token, key).toBeGreaterThan(0);
      expect(own.sampling.step + own.sampling.row + own.sampling.prefill.token).toBeGreaterThan(0);
    }
    expect(rates.activeShare).toBeGreaterThan(0);
    expect(rates.activeShare).toBeLessThanOrEqual(1);
    expect(rates.residentBytes).toBeGreaterThan(1e7);
    expect(rates.assumptions).toEqual([]);
  });

  it('measures agents with equal base and adapter once', async () => {
    const parts: number[] = [];
    const onProgress = (done: number, total: number) => parts.push(done / total);
    const { agents, measured } = await calibrate(teamOf(createVote()), task, { ...options, onProgress });
    expect(measured.map((one) => one.agent)).toEqual([0, 1]);
    expect(agents[2]).toEqual(agents[0]);
    expect(agents[1]?.forward).not.toEqual(agents[0]?.forward);
    expect(parts[0]).toBe(0);
    expect(parts.at(-1)).toBe(1);
    expect(parts.length).toBeGreaterThan(10);
  });

  it.each([
    ['relay', createRelay(3, { rounds: 2 }), 2],
    ['debate', createDebate({ rounds: 3 }), 3],
  ])('measures contexts that grow with the turns of a %s', async (_, protocol, rounds) => {
    const { agents } = await calibrate(teamOf(protocol), task, options);
    const { contextTokens, messagesPerEpisode } = agents[1]!;
    expect(messagesPerEpisode).toBe(rounds);
    expect(contextTokens).toHaveLength(rounds);
    expect(contextTokens[1]!).toBeGreaterThan(contextTokens[0]!);
  });

  it('states an assumption if no group had different rewards', async () => {
    const hopeless: Task = { ...task, verify: () => ({ correct: false, reward: 0, reason: '' }) };
    const { activeShare, assumptions } = await calibrate(teamOf(createVote()), hopeless, options);
    expect(activeShare).toBe(ASSUMED_ACTIVE_SHARE);
    expect(assumptions).toEqual([
      expect.stringMatching(/^50% of groups have different rewards; none of the 3 sampled groups had$/),
    ]);
  });

  it('states that messages were cut off if the time does not suffice for the limit of the run', async () => {
    const long = { ...options, maxTokens: 4096, seconds: 0 };
    const { agents, assumptions } = await calibrate(teamOf(createVote()), task, long);
    expect(assumptions.join()).toMatch(/of a0 were cut off at \d+ tokens/);
    expect(meanMessage(agents[0]!)).toBeLessThanOrEqual(4096);
  });

  it('judges messages that were cut off as the run does', async () => {
    // a message of one token has a text only if it was cut off before its end token
    const isRight = (text: string): boolean => text !== '' && text < 'e';
    const anyText: Task = {
      ...task,
      verify: (_, text) => ({
        correct: isRight(text),
        reward: Number(isRight(text)),
        answer: text,
        reason: '',
      }),
    };
    const cutOff = { ...options, maxTokens: 1 };
    const share = async (truncated: CalibrateOptions['truncated']) =>
      await calibrate(teamOf(createVote()), anyText, { ...cutOff, truncated });
    expect((await share('judge')).assumptions).toEqual([]);
    expect((await share('wrong')).assumptions).toEqual([expect.stringContaining('50% of groups')]);
  });

  it('plays no prompt that the task skips', async () => {
    const onlySecond: Task = {
      ...task,
      isSkipped: (_, index) => index !== 1,
      item: (split, index) => {
        if (index !== 1) throw new Error('a skipped prompt was read');
        return task.item(split, index);
      },
    };
    const { agents } = await calibrate(teamOf(createVote()), onlySecond, options);
    expect(agents).toHaveLength(3);
  });

  it.each([
    [
      'every prompt is skipped',
      () => true,
      8,
      /expected prompts of the train split that fit .* got none among/,
    ],
    [
      'no context has room for a message',
      () => false,
      1,
      /expected prompts with room for a message, got none/,
    ],
  ])('ends with an error if %s', async (_, isSkipped, maxContext, message) => {
    const { agents, protocol } = teamOf(createVote());
    const limited = agents.map((one) => ({
      ...one,
      model: Object.create(one.model, {
        capabilities: { value: { ...one.model.capabilities, maxContext } },
      }) as typeof one.model,
    }));
    await expect(calibrate({ agents: limited, protocol }, { ...task, isSkipped }, options)).rejects.toThrow(
      message,
    );
  });
});
