import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { agentAdvantage, evaluateTeam, expectedAdvantage, surrogateGain } from './evaluate.ts';
import { actionOf, checkedMdp, jointActions, jointDistribution, type TeamMdp, withPolicy } from './mdp.ts';
import { randomTeam, randomWorld } from './random-worlds.ts';

/**
 * A chain with two states and one agent: action 0 stays, action 1 moves to the other state, and state 1 has
 * reward 1.
 */
const chain: TeamMdp = {
  actions: [2],
  transition: [
    [
      [1, 0],
      [0, 1],
    ],
    [
      [0, 1],
      [1, 0],
    ],
  ],
  reward: [
    [0, 0],
    [1, 1],
  ],
  initial: [1, 0],
  gamma: 0.5,
};
const seeds = fc.integer({ min: 0, max: 10000 });

describe('joint actions', () => {
  it("are numbered in mixed radix, the last agent's action varying fastest", () => {
    const actions = [2, 3];
    expect(jointActions({ actions })).toBe(6);
    expect(Array.from({ length: 6 }, (_, a) => [actionOf(actions, a, 0), actionOf(actions, a, 1)])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [1, 0],
      [1, 1],
      [1, 2],
    ]);
    const joint = jointDistribution({ actions }, [[[0.25, 0.75]], [[0.5, 0.25, 0.25]]], 0);
    expect([...joint]).toEqual([0.125, 0.0625, 0.0625, 0.375, 0.1875, 0.1875]);
  });
});

describe('evaluateTeam', () => {
  it('matches a chain computed by hand', () => {
    // if the agent always moves, the values of the states are V0 = γ V1 and V1 = 1 + γ V0, so V1 = 1/(1-γ²) =
    // 4/3 and V0 = 2/3
    const move = [
      [
        [0, 1],
        [0, 1],
      ],
    ];
    const evaluation = evaluateTeam(chain, move);
    expect(evaluation.value[0]).toBeCloseTo(2 / 3, 14);
    expect(evaluation.value[1]).toBeCloseTo(4 / 3, 14);
    expect(evaluation.objective).toBeCloseTo(2 / 3, 14);
    // d0 = (1-γ)/(1-γ²)
    expect(evaluation.occupancy[0]).toBeCloseTo(2 / 3, 14);
    // the advantage of staying in state 1 is 1 + γ 4/3 - 4/3 = 1/3
    expect(evaluation.advantage[1][0]).toBeCloseTo(1 / 3, 14);
    expect(evaluation.advantage[1][1]).toBeCloseTo(0, 14);
    expect(evaluation.aMax).toBeCloseTo(1 / 3, 14);
  });

  it('matches a simulation of the state distribution over many turns', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const mdp = randomWorld(seed, { states: 3, actions: [2, 2], gamma: 0.8 });
        const team = randomTeam(seed, mdp);
        const { objective, occupancy } = evaluateTeam(mdp, team);
        let law = Float64Array.from(mdp.initial);
        let total = 0;
        const visits = new Float64Array(3);
        for (let t = 0; t < 200; t++) {
          const next = new Float64Array(3);
          law.forEach((p, s) => {
            visits[s] += 0.2 * 0.8 ** t * p;
            jointDistribution(mdp, team, s).forEach((q, a) => {
              total += 0.8 ** t * p * q * mdp.reward[s][a];
              for (let k = 0; k < 3; k++) next[k] += p * q * mdp.transition[s][a][k];
            });
          });
          law = next;
        }
        expect(objective).toBeCloseTo(total, 10);
        occupancy.forEach((d, s) => {
          expect(d).toBeCloseTo(visits[s], 10);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('has zero mean advantage under its own policy, jointly and per agent', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const mdp = randomWorld(seed, { states: 3, actions: [2, 3, 2], gamma: 0.9 });
        const team = randomTeam(seed, mdp);
        const evaluation = evaluateTeam(mdp, team);
        for (let s = 0; s < 3; s++) {
          expect(expectedAdvantage(mdp, evaluation, { policies: team, s })).toBeCloseTo(0, 11);
          for (const agent of [0, 1, 2]) {
            const own = agentAdvantage(mdp, team, { agent, evaluation })[s];
            expect(own.reduce((sum, a, k) => sum + a * team[agent][s][k], 0)).toBeCloseTo(0, 11);
          }
        }
        expect(surrogateGain(mdp, evaluation, team)).toBeCloseTo(0, 10);
      }),
      { numRuns: 20 },
    );
  });

  it('satisfies the performance difference lemma', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const mdp = randomWorld(seed, { states: 4, actions: [2, 2], gamma: 0.9 });
        const before = randomTeam(seed, mdp);
        const after = withPolicy(before, 1, randomTeam(seed + 1, mdp)[1]);
        const old = evaluateTeam(mdp, before);
        const next = evaluateTeam(mdp, after);
        // performance difference lemma: the gain J' - J is the surrogate gain of the old team's advantage under
        // the *new* occupancy
        const lemma = surrogateGain(mdp, { ...old, occupancy: next.occupancy }, after);
        expect(next.objective - old.objective).toBeCloseTo(lemma, 9);
      }),
      { numRuns: 30 },
    );
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => checkedMdp({ ...chain, gamma: 1 })).toThrow(DomainError);
    expect(() => checkedMdp({ ...chain, gamma: 1 })).toThrow('TeamMdp: expected 0 <= gamma < 1, got 1');
    expect(() => checkedMdp({ ...chain, actions: [3] })).toThrow(
      'expected 3 joint actions in transition[0], got 2',
    );
    expect(() => checkedMdp({ ...chain, initial: [1, 1] })).toThrow('expected initial to sum to 1, got 2');
    expect(() =>
      checkedMdp({
        ...chain,
        reward: [
          [0, Number.NaN],
          [1, 1],
        ],
      }),
    ).toThrow('expected finite reward[0][1]');
    expect(() => evaluateTeam(chain, [])).toThrow('TeamPolicy: expected 1 agents, got 0');
    expect(() => evaluateTeam(chain, [[[1, 0]]])).toThrow('expected 2 states of agent 0, got 1');
    expect(() =>
      evaluateTeam(chain, [
        [
          [1, 0],
          [0.5, 0.4],
        ],
      ]),
    ).toThrow('policy of agent 0 in state 1 to sum to 1');
  });
});
