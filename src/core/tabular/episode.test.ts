import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { turnWeights } from '../weights.ts';
import {
  type Episode,
  type EpisodePolicy,
  episodeChange,
  evaluateEpisode,
  observedScores,
} from './episode.ts';
import { randomEpisode, randomEpisodePolicy } from './random-worlds.ts';

const seeds = fc.integer({ min: 0, max: 100000 });
const turns = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 5 });

/** Returns `old` with its policies at the agent's turns mixed with random ones. */
function changed(
  seed: number,
  episode: Episode,
  { old, agent }: { old: EpisodePolicy; agent: number },
): EpisodePolicy {
  const target = randomEpisodePolicy(seed + 1, episode);
  return old.map((rows, t) =>
    episode.turn[t] !== agent
      ? rows
      : rows.map((row, s) => Float64Array.from(row, (p, a) => 0.7 * p + 0.3 * target[t][s][a])),
  );
}

describe('evaluateEpisode', () => {
  it('matches two turns computed by hand', () => {
    const episode: Episode = {
      transition: [
        [
          [
            [1, 0],
            [0, 1],
          ],
          [
            [0.5, 0.5],
            [0.5, 0.5],
          ],
        ],
      ],
      reward: [
        [
          [0, 0.25],
          [0, 0],
        ],
        [
          [1, 0],
          [0, 2],
        ],
      ],
      initial: [1, 0],
      turn: [0, 1],
    };
    const policy = [
      [
        [0.5, 0.5],
        [1, 0],
      ],
      [
        [0.5, 0.5],
        [0.5, 0.5],
      ],
    ];
    const { objective, law, q, value } = evaluateEpisode(episode, policy);
    // by hand: the values at turn 1 are V1 = (0.5, 1), so the action values at turn 0 are Q0 = (0 + 0.5, 0.25
    // + 1)
    expect([...value[1]]).toEqual([0.5, 1]);
    expect([...q[0][0]]).toEqual([0.5, 1.25]);
    expect(objective).toBe(0.875);
    expect([...law[1]]).toEqual([0.5, 0.5]);
  });

  it('throws a DomainError for invalid input', () => {
    const episode = randomEpisode(1, { states: 2, actions: 2, turn: [0, 1] });
    const policy = randomEpisodePolicy(1, episode);
    expect(() => evaluateEpisode(episode, policy.slice(1))).toThrow(DomainError);
    expect(() => evaluateEpisode(episode, policy.slice(1))).toThrow(
      'Episode: expected 2 policy turns, got 1',
    );
    expect(() => evaluateEpisode({ ...episode, transition: [] }, policy)).toThrow(
      'transitions after 1 turns, got 0',
    );
    expect(() => evaluateEpisode({ ...episode, initial: [1, 1] }, policy)).toThrow('initial to sum to 1');
  });
});

describe('episodeChange', () => {
  it('has a surrogate equal to the true gain if the agent acts at most once', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom([0, 1, 2], [1, 0, 0, 2], [2, 2, 1], [0, 2]), (seed, turn) => {
        const episode = randomEpisode(seed, { states: 3, actions: 2, turn });
        const old = randomEpisodePolicy(seed, episode);
        const next = changed(seed, episode, { old, agent: 1 });
        const change = episodeChange(episode, { old, new: next }, 1);
        expect(change.objectiveNew - change.objectiveOld).toBeCloseTo(change.surrogate, 12);
        expect([change.penalty, change.coupledPenalty]).toEqual([0, 0]);
      }),
    );
  });

  it('scores later own turns on the state distribution of the old team', () => {
    // Agent 0 acts at both turns. Its first action chooses the state of the second turn. There, only action 1
    // in state 1 has a reward, which is 1.
    const choose = [
      [1, 0],
      [0, 1],
    ];
    const episode: Episode = {
      transition: [[choose, choose]],
      reward: [
        [
          [0, 0],
          [0, 0],
        ],
        [
          [0, 0],
          [0, 1],
        ],
      ],
      initial: [1, 0],
      turn: [0, 0],
    };
    const play = (go: number, take: number) =>
      [go, take].map((p) => [
        [1 - p, p],
        [1 - p, p],
      ]);
    const change = episodeChange(episode, { old: play(0.5, 0.5), new: play(0.75, 0.9) }, 0);
    expect(change.objectiveNew - change.objectiveOld).toBeCloseTo(0.75 * 0.9 - 0.25, 14);
    // Contributions to the surrogate gain: 0.25 · 0.5 from the first turn, and 0.5 · 0.4 from the second,
    // i.e. the probability of state 1 under the old team, times the change of the probability of action 1.
    expect(change.surrogate).toBeCloseTo(0.125 + 0.2, 14);
    expect(change.span).toBe(1);
    // 2 · span · a_2 · t̄_1
    expect(change.penalty).toBeCloseTo(2 * 0.4 * 0.25, 14);
  });

  it('has a true gain within both penalties of the surrogate', () => {
    fc.assert(
      fc.property(seeds, turns, (seed, turn) => {
        const episode = randomEpisode(seed, { states: 3, actions: 3, turn });
        const old = randomEpisodePolicy(seed, episode);
        const next = changed(seed, episode, { old, agent: 1 });
        const change = episodeChange(episode, { old, new: next }, 1);
        const gap = Math.abs(change.objectiveNew - change.objectiveOld - change.surrogate);
        // the bound E58 needs only the range of Q at the agent's own turns, so this test checks a smaller
        // penalty than `change.penalty`
        const own = change.span > 0 ? change.ownSpan / change.span : 0;
        expect(gap).toBeLessThanOrEqual(own * change.penalty + 1e-12);
        expect(gap).toBeLessThanOrEqual(own * change.coupledPenalty + 1e-12);
        expect(change.ownSpan).toBeLessThanOrEqual(change.span);
        expect(change.ownTvMax).toHaveLength(turn.filter((i) => i === 1).length);
      }),
    );
  });

  it("throws for a change at another agent's turn", () => {
    const episode = randomEpisode(3, { states: 2, actions: 2, turn: [0, 1] });
    const old = randomEpisodePolicy(3, episode);
    const next = changed(3, episode, { old, agent: 0 });
    expect(() => episodeChange(episode, { old, new: next }, 1)).toThrow(
      'episodeChange: expected agent 1 alone to change, got a change at turn 0',
    );
  });
});

describe('the sequence ratio identity (E60a)', () => {
  /**
   * Returns every path of an episode with its probability under `policy`, its return, and the log-ratio of
   * each turn.
   */
  function pathsOf(episode: Episode, policy: EpisodePolicy, next: EpisodePolicy) {
    let open = Array.from(episode.initial, (p, s) => ({ s, p, total: 0, logRatios: [] as number[] }));
    episode.turn.forEach((_, t) => {
      open = open.flatMap(({ s, p, total, logRatios }) =>
        Array.from(policy[t][s]).flatMap((pa, a) => {
          const after = {
            p: p * pa,
            total: total + episode.reward[t][s][a],
            logRatios: [...logRatios, Math.log(next[t][s][a] / pa)],
          };
          const states = t + 1 < episode.turn.length ? Array.from(episode.transition[t][s][a]) : [1];
          return states.map((ps, k) => ({ ...after, s: k, p: after.p * ps }));
        }),
      );
    });
    return open;
  }

  it("gives the new team's J from the old team's trajectories, with no occupancy term", () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom([0, 1, 0], [1, 1], [0, 1, 2]), (seed, turn) => {
        const episode = randomEpisode(seed, { states: 2, actions: 2, turn });
        const old = randomEpisodePolicy(seed, episode);
        // agent 0 was updated first and agent 1 is being updated, so both have changed
        const between = changed(seed, episode, { old, agent: 0 });
        const next = changed(seed + 1, episode, { old: between, agent: 1 });
        const estimate = pathsOf(episode, old, next).reduce((sum, { p, total, logRatios }) => {
          const { rho } = turnWeights(logRatios);
          return sum + p * total * rho.reduce((a, b) => a * b, 1);
        }, 0);
        expect(estimate).toBeCloseTo(evaluateEpisode(episode, next).objective, 11);
      }),
      { numRuns: 30 },
    );
  });
});

describe('observedScores', () => {
  it('sums the values of the states of one observation, weighted by their probability', () => {
    const scores = observedScores(
      [0.25, 0.5, 0.25],
      [
        [1, 0],
        [0, 2],
        [4, 4],
      ],
      [0, 0, 1],
    );
    expect(scores.map((row) => [...row])).toEqual([
      [0.25, 1],
      [1, 1],
    ]);
    expect(() => observedScores([1], [[1]], [])).toThrow('observedScores: expected 1 observations, got 0');
  });
});
