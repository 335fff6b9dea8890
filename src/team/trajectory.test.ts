import { describe, expect, it } from 'vitest';
import type { Model } from '../engine/engine.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createDebate } from './debate.ts';
import { createRelay } from './relay.ts';
import { rollout } from './rollout.ts';
import type { Trajectory } from './team.ts';
import { ALPHABET, echo, options, teamOf } from './testing/echo-task.ts';
import { VerifierCache } from './verifier-cache.ts';
import { createVote } from './vote.ts';

describe('the verdicts of a trajectory', () => {
  it('verifies the team’s answer and each agent’s last message', async () => {
    for (const { item, messages, verdict, agentVerdicts, reward } of await rollout(
      teamOf(createDebate()),
      echo,
      options(),
    )) {
      const last = [0, 1, 2].map(
        (agent) => messages.findLast((message) => message.agent === agent)?.text ?? '',
      );
      expect(agentVerdicts).toEqual(last.map((text) => echo.verify(item, text)));
      expect(reward).toBe(verdict.reward);
    }
  });

  it('gives no verdict for agents without a message', async () => {
    const [trajectory] = await rollout(teamOf({ ...createRelay(3), maxTurns: 2 }), echo, options());
    expect(trajectory.agentVerdicts[2]).toBeUndefined();
    expect(trajectory.agentVerdicts[1]).toEqual(trajectory.verdict);
  });

  it('mixes the agents’ mean reward into the team’s with the weight agentReward', async () => {
    const plain = await rollout(teamOf(createVote()), echo, options());
    const mixed = await rollout(teamOf(createVote()), echo, options({ agentReward: 0.3 }));
    const rewards = new Set<number>();
    mixed.forEach(({ reward, verdict, agentVerdicts }, i) => {
      const agentMean = agentVerdicts.filter((agentVerdict) => agentVerdict?.correct).length / 3;
      expect(reward).toBeCloseTo(0.7 * plain[i].reward + 0.3 * agentMean, 12);
      expect(verdict).toEqual(plain[i].verdict);
      rewards.add(reward);
    });
    expect(rewards.size).toBeGreaterThan(2);
  });

  it('counts an answer as wrong and warns when the verifier throws', async () => {
    const warnings: string[] = [];
    const broken: Task = {
      ...echo,
      rewardRange: [-1, 1],
      verify: (item, text) => {
        if (text.startsWith('a')) throw new Error('letter a');
        return echo.verify(item, text);
      },
    };
    const trajectories = await rollout(teamOf(createRelay(3)), broken, {
      ...options(),
      verifier: new VerifierCache(broken, (message) => warnings.push(message)),
    });
    expect(trajectories).toHaveLength(12);
    const failed = trajectories.filter((trajectory) => trajectory.messages[2].text.startsWith('a'));
    expect(failed.length).toBeGreaterThan(0);
    for (const { verdict } of failed)
      expect(verdict).toEqual({ correct: false, reward: -1, reason: 'the verifier failed: letter a' });
    expect(warnings[0]).toMatch(/^task echo: the verifier failed on item train-\d: letter a$/);
    expect(new Set(trajectories.map(({ verdict }) => verdict.reward)).size).toBeGreaterThan(1);
  });
});

describe('an episode whose context is full', () => {
  /** Returns a model whose context window has room for the given number of tokens. */
  const small = (maxContext: number, seed = 1): Model =>
    createTabularModel({ alphabet: ALPHABET, maxContext, prior: { offsets: [9, 0, 0, -9], scale: 0, seed } });
  const ofAgent = (agent: number) => (message: { readonly agent: number }) => message.agent === agent;

  it('fails with the lowest reward, without its message and later turns; the others continue', async () => {
    const task: Task = {
      ...echo,
      rewardRange: [-1, 1],
      item: (split, index) => ({ id: `${split}-${index}`, prompt: index === 1 ? 'a'.repeat(20) : 'a' }),
    };
    const team = teamOf(createRelay(3), [small(64), small(16), small(64)]);
    const played = await rollout(
      team,
      task,
      options({ items: [0, 1].map((i) => task.item('train', i)), samples: 2 }),
    );
    const [fits, full] = [
      played.filter(({ group }) => group === 0),
      played.filter(({ group }) => group === 1),
    ];
    for (const { overflow, messages } of fits) {
      expect(overflow).toBeUndefined();
      expect(messages).toHaveLength(3);
    }
    for (const { overflow, messages, reward, verdict, agentVerdicts, meanLogp } of full) {
      expect(overflow).toMatchObject({ agent: 1, turn: 1 });
      expect(messages.map(({ agent }) => agent)).toEqual([0]);
      expect([reward, verdict.correct, meanLogp]).toEqual([-1, false, Number.NEGATIVE_INFINITY]);
      expect(verdict.reason).toMatch(
        /^agent agent 1 had no room for its message in turn 2: its context has \d+ of 16 tokens$/,
      );
      expect(agentVerdicts.map((own) => own?.reward)).toEqual([0, -1, -1]);
    }
  });

  it('does not end the run if all messages of a turn have no room', async () => {
    const progress: (readonly [number, number])[] = [];
    const played = await rollout(
      teamOf(createVote(), [small(1), small(1)]),
      echo,
      options({ onProgress: (done, total) => progress.push([done, total]) }),
    );
    expect(played).toHaveLength(12);
    expect(played.every(({ overflow, messages }) => overflow !== undefined && messages.length === 0)).toBe(
      true,
    );
    expect(progress.at(-1)).toEqual([24, 24]);
  });

  it('keeps the messages of the other agents of its turn, and their draws', async () => {
    const wide = await rollout(teamOf(createVote(), [small(64), small(64, 2)]), echo, options());
    const narrow = await rollout(teamOf(createVote(), [small(64), small(1, 2)]), echo, options());
    const tokens = (played: readonly Trajectory[]) =>
      played.map(({ messages }) => messages.filter(ofAgent(0)).map((message) => [...message.tokens]));
    expect(tokens(narrow)).toEqual(tokens(wide));
    expect(narrow.every(({ messages }) => messages.length === 1)).toBe(true);
  });
});
