import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../rng.ts';
import { evaluateEpisode } from './episode.ts';
import { evaluateTeam } from './evaluate.ts';
import { jointActions, jointDistribution } from './mdp.ts';
import { blindGame, fullyObserved, playedBy, truncatedMdp } from './observed-episode.ts';
import { randomDistribution, randomEpisode, randomTeam, randomWorld } from './random-worlds.ts';
import { binaryTeam } from './worlds.ts';

describe('truncatedMdp', () => {
  it("has the MDP's J up to the truncation error", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.constantFrom(0, 0.3, 0.6), (seed, gamma) => {
        const mdp = randomWorld(seed, { states: 2, actions: [2, 3], gamma });
        const team = randomTeam(seed, mdp);
        const steps = 6;
        const world = truncatedMdp(mdp, steps);
        const { objective } = evaluateEpisode(world.episode, playedBy(world, team));
        const cut = gamma ** steps / (1 - gamma); // rewards lie in [-1, 1]
        expect(Math.abs(objective - evaluateTeam(mdp, team).objective)).toBeLessThanOrEqual(cut + 1e-12);
      }),
      { numRuns: 25 },
    );
  });

  it('gives agents the state but not the actions of the other agents of the step', () => {
    const mdp = randomWorld(1, { states: 2, actions: [2, 3], gamma: 0.5 });
    const { observation, episode } = truncatedMdp(mdp, 2);
    expect(episode.turn).toEqual([0, 1, 0, 1]);
    // the turn has two MDP states with two possible actions of agent 0 each; agent 1 observes the MDP state
    // only
    expect(observation[1]).toEqual([0, 0, 1, 1]);
    expect(observation[3]).toEqual(observation[1]);
  });

  it('throws a DomainError for invalid input', () => {
    const mdp = randomWorld(1, { states: 2, actions: [2], gamma: 0.5 });
    expect(() => truncatedMdp(mdp, 0)).toThrow('truncatedMdp: expected steps to be an integer >= 1, got 0');
    expect(() => truncatedMdp({ ...mdp, initial: [1, 1] }, 1)).toThrow('expected initial to sum to 1');
  });
});

describe('blindGame', () => {
  it('has the initial J of the coordination game (G1)', () => {
    const game = blindGame([2, 2], [0, 2, 2, -1]);
    const { objective } = evaluateEpisode(game.episode, playedBy(game, binaryTeam(0.38, 0.38)));
    expect(objective).toBeCloseTo(0.798, 12);
  });

  it('has the expected payoff of independent actions as J, for any number of agents', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.nat(1e6), (actions, seed) => {
        const stream = randomStream(seed);
        const payoff = Array.from({ length: jointActions({ actions }) }, () => stream.normal());
        const team = actions.map((n) => [randomDistribution(stream, n)]);
        const game = blindGame(actions, payoff);
        const want = jointDistribution({ actions }, team, 0).reduce((sum, p, a) => sum + p * payoff[a], 0);
        expect(evaluateEpisode(game.episode, playedBy(game, team)).objective).toBeCloseTo(want, 12);
      }),
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => blindGame([], [])).toThrow('expected at least one agent, got none');
    expect(() => blindGame([2, 2], [1, 2, 3])).toThrow('blindGame: expected 4 payoffs, got 3');
  });
});

describe('fullyObserved', () => {
  it('has a distinct observation for every state of every turn', () => {
    const { observation } = fullyObserved(randomEpisode(1, { states: 2, actions: 2, turn: [0, 1, 0] }));
    expect(observation).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
  });
});
