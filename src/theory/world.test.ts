import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { populationDeviation } from '../core/stats.ts';
import { type EpisodePolicy, evaluateEpisode } from '../core/tabular/episode.ts';
import {
  blindGame,
  fullyObserved,
  type ObservedEpisode,
  playedBy,
  truncatedMdp,
} from '../core/tabular/observed-episode.ts';
import {
  randomEpisode,
  randomEpisodePolicy,
  randomTeam,
  randomWorld,
} from '../core/tabular/random-worlds.ts';
import { binaryTeam, blindFollower, followerPolicy } from '../core/tabular/worlds.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { rollout } from '../team/rollout.ts';
import { createWorldTask } from './world-task.ts';
import { ACTION_TOKENS, createWorldTeam, exactObjective, policyOf } from './world-team.ts';

/** Returns a random world with full observation, and a random policy. */
function observedWorld(seed: number): { world: ObservedEpisode; policy: EpisodePolicy } {
  const episode = randomEpisode(seed, { states: 3, actions: 3, turn: [0, 1, 0] });
  return { world: fullyObserved(episode), policy: randomEpisodePolicy(seed, episode) };
}

const game = blindGame([2, 3], [0, 1, 2, -1, 0, 5]);
const follower = blindFollower(0.2);
const mdp = randomWorld(4, { states: 2, actions: [2, 2], gamma: 0.5 });
const steps = truncatedMdp(mdp, 3);
const worlds = {
  'a random world': observedWorld(3),
  'a blind game': {
    world: game,
    policy: playedBy(game, [[[0.3, 0.7]], [[0.2, 0.3, 0.5]]]),
  },
  'a discounted team MDP': { world: steps, policy: playedBy(steps, randomTeam(4, mdp)) },
  'the blind follower (G2)': { world: follower, policy: followerPolicy(0.45, 0.55) },
};

describe('a world behind the task and protocol interfaces', () => {
  it.each(Object.entries(worlds))(
    '%s has a mean reward equal to its exact J',
    async (_, { world, policy }) => {
      const team = createWorldTeam(world, policy, createTabularModel);
      const task = createWorldTask(world);
      const trajectories = await rollout(team, task, {
        items: Array.from({ length: 4000 }, (_, k) => task.item('train', k)),
        samples: 1,
        temperature: 1,
        maxTokens: ACTION_TOKENS,
        stream: randomStream(1),
      });
      const rewards = trajectories.map(({ reward }) => reward);
      const mean = rewards.reduce((sum, r) => sum + r, 0) / rewards.length;
      const error = populationDeviation(rewards) / Math.sqrt(rewards.length);
      expect(error).toBeGreaterThan(0);
      expect(Math.abs(mean - exactObjective(world, team))).toBeLessThan(4 * error);
      const [low, high] = task.rewardRange;
      expect(Math.min(...rewards)).toBeGreaterThanOrEqual(low);
      expect(Math.max(...rewards)).toBeLessThanOrEqual(high);
    },
  );

  it('has the J of the given policy, which its models represent exactly', () => {
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const { world, policy } = observedWorld(seed);
        const team = createWorldTeam(world, policy, createTabularModel);
        expect(exactObjective(world, team)).toBeCloseTo(evaluateEpisode(world.episode, policy).objective, 12);
        policyOf(world, team).forEach((rows, t) => {
          rows.forEach((row, s) => {
            expect(Array.from(row)).toEqual(Array.from(policy[t][s], (p) => expect.closeTo(p, 12)));
          });
        });
      }),
      { numRuns: 20 },
    );
  });

  it('has the range of its smallest and largest return', () => {
    expect(createWorldTask(game).rewardRange).toEqual([-1, 5]);
    expect(createWorldTask(follower).rewardRange).toEqual([0, 1.2]);
    expect(createWorldTask(blindGame([1, 1], [3])).rewardRange).toEqual([3, 4]);
  });

  it('gives the same item for the same index, and different draws for different splits', () => {
    const { world } = worlds['a random world'];
    const task = createWorldTask(world);
    expect(task.item('train', 7)).toEqual(createWorldTask(world).item('train', 7));
    const draws = (['train', 'validation', 'test'] as const).map((split) =>
      JSON.stringify(task.item(split, 7).data),
    );
    expect(new Set(draws).size).toBe(3);
  });

  it("rejects a single agent's message as an answer of the team", () => {
    const task = createWorldTask(game);
    const item = task.item('train', 0);
    expect(task.verify(item, '1')).toMatchObject({ correct: false, reward: -1 });
    expect(task.verify(item, '1 2')).toMatchObject({ correct: true, reward: 5, answer: '1 2' });
    expect(task.verify(item, '1 0').reward).toBe(-1);
  });

  it('throws a DomainError for an invalid policy or world', () => {
    const sure = playedBy(game, [[[0, 1]], [[0.2, 0.3, 0.5]]]);
    expect(() => createWorldTeam(game, sure, createTabularModel)).toThrow(
      'world: expected positive probabilities at turn 0, state 0, got [0, 1]',
    );
    const inconsistent = followerPolicy(0.45, 0.55).map((rows) => [rows[0], [0.9, 0.1]]);
    expect(() => createWorldTeam(follower, inconsistent, createTabularModel)).toThrow(
      /expected the distribution \[.*\] at turn 1, state 1, .* got \[0.9, 0.1\]/,
    );
    const single = blindGame([1, 2], [0, 1]);
    expect(() => createWorldTeam(single, playedBy(single, binaryTeam(0.5, 0.5)), createTabularModel)).toThrow(
      'expected agents with 2 to 27 actions, got 1',
    );
    const { episode, observation } = blindGame([2, 3], [0, 0, 0, 0, 0, 0]);
    const mixed = { episode: { ...episode, turn: [0, 0] }, observation };
    expect(() => createWorldTeam(mixed, [], createTabularModel)).toThrow(
      'expected agent 0 to have one number of actions at all its turns, got [2, 3]',
    );
  });
});
