import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../rng.ts';
import { randomDistribution } from '../testing/worlds.ts';
import { blindGame, blindPolicy } from './blind-game.ts';
import { evaluateEpisode } from './episode.ts';
import { jointActions, jointDistribution } from './mdp.ts';
import { binaryTeam } from './worlds.ts';

describe('blindGame', () => {
  it('has the value of the coordination game at its start (G1)', () => {
    const game = blindGame([2, 2], [0, 2, 2, -1]);
    const { objective } = evaluateEpisode(game.episode, blindPolicy(game, binaryTeam(0.38, 0.38)));
    expect(objective).toBeCloseTo(0.798, 12);
  });

  it('is worth the expected payoff of independent actions, for any number of agents', () => {
    const counts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.nat(1e6), (actions, seed) => {
        const stream = randomStream(seed);
        const payoff = Array.from({ length: jointActions({ actions }) }, () => stream.normal());
        const team = actions.map((n) => [randomDistribution(stream, n)]);
        const game = blindGame(actions, payoff);
        const want = jointDistribution({ actions }, team, 0).reduce((sum, p, a) => sum + p * payoff[a], 0);
        expect(evaluateEpisode(game.episode, blindPolicy(game, team)).objective).toBeCloseTo(want, 12);
      }),
    );
  });

  it('says what was wrong', () => {
    expect(() => blindGame([], [])).toThrow('blindGame: expected at least one agent, got none');
    expect(() => blindGame([2, 2], [1, 2, 3])).toThrow('blindGame: expected 4 payoffs, got 3');
    expect(() => blindGame([2, 0], [])).toThrow('number of actions to be an integer >= 1, got 0');
    expect(() => blindPolicy(blindGame([2, 2], [0, 0, 0, 0]), binaryTeam(0.5))).toThrow(
      'blindPolicy: expected 2 agents, got 1',
    );
  });
});
