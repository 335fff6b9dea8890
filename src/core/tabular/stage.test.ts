import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jointPenalty } from '../penalty.ts';
import { randomStream } from '../rng.ts';
import { evaluateTeam, surrogateGain } from './evaluate.ts';
import { withPolicy } from './mdp.ts';
import { jointTvMax, policyChange, stepBounds } from './policy-change.ts';
import { perturbed, randomTeam, randomWorld } from './random-worlds.ts';
import { runExactStage, simultaneousUpdate } from './stage.ts';
import { binaryTeam, matrixGame, staleOccupancyStage } from './worlds.ts';

const seeds = fc.integer({ min: 0, max: 100000 });
const gammas = fc.constantFrom(0.3, 0.5, 0.9, 0.99);

describe('runExactStage', () => {
  it('increases J of the coordination game with every step; the simultaneous update decreases it (G1)', () => {
    const game = matrixGame([
      [0, 2],
      [2, -1],
    ]);
    const start = binaryTeam(0.38, 0.38);
    const { objective, policies } = runExactStage(game, start, { order: [0, 1], deltas: [0.01, 0.01] });
    expect(objective[0]).toBeCloseTo(0.798, 12);
    expect(objective[1]).toBeCloseTo(0.8049326339, 9);
    expect(objective[2]).toBeCloseTo(0.8216352563, 9);
    expect(policies[1][0][1]).toBeCloseTo(0.3122770643, 8);
    const together = evaluateTeam(game, simultaneousUpdate(game, start, [0.01, 0.01]));
    expect(together.objective).toBeCloseTo(0.7878345614, 9);
  });

  it('never decreases J, for any order, radii and discount', () => {
    fc.assert(
      fc.property(
        seeds,
        gammas,
        fc.shuffledSubarray([0, 1, 2]),
        fc.array(fc.double({ min: 1e-6, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (seed, gamma, order, deltas) => {
          const mdp = randomWorld(seed, { states: 3, actions: [2, 3, 2], gamma });
          const { objective, steps } = runExactStage(mdp, randomTeam(seed, mdp), { order, deltas });
          for (let k = 1; k < objective.length; k++)
            expect(objective[k]).toBeGreaterThanOrEqual(objective[k - 1] - 1e-9 / (1 - gamma));
          expect(steps.map((step) => step.objectiveBefore)).toEqual(objective.slice(0, -1));
          expect(steps.map((step) => step.objectiveAfter)).toEqual(objective.slice(1));
          for (const step of steps) expect(step.klMax).toBeLessThanOrEqual(deltas[step.agent] + 1e-9);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('throws a DomainError for invalid input', () => {
    const game = matrixGame([[0, 1]]);
    const team = [[[1]], [[0.5, 0.5]]];
    expect(() => runExactStage(game, team, { order: [0, 0], deltas: [1, 1] })).toThrow(
      'runExactStage: expected distinct agents 0..1, got [0, 0]',
    );
    expect(() => runExactStage(game, team, { order: [2], deltas: [1, 1] })).toThrow('got [2]');
    expect(() => runExactStage(game, team, { order: [0], deltas: [1] })).toThrow('expected 2 radii, got 1');
    expect(() => simultaneousUpdate(game, team, [])).toThrow('simultaneousUpdate: expected 2 radii, got 0');
  });
});

describe('simultaneousUpdate', () => {
  it('decreases J on some random games, where the sequential stage does not', () => {
    let lowered = 0;
    for (let seed = 0; seed < 300; seed++) {
      const stream = randomStream(seed);
      const game = matrixGame([
        [stream.normal(), stream.normal()],
        [stream.normal(), stream.normal()],
      ]);
      const start = randomTeam(seed, game);
      const { objective } = runExactStage(game, start, { order: [0, 1], deltas: [0.5, 0.5] });
      const together = evaluateTeam(game, simultaneousUpdate(game, start, [0.5, 0.5])).objective;
      expect(objective[2]).toBeGreaterThanOrEqual(objective[0] - 1e-12);
      if (together < objective[0] - 1e-9) lowered++;
    }
    expect(lowered).toBeGreaterThan(3);
  });
});

describe('stepBounds', () => {
  it('never exceed the true gain, for any change of one agent', () => {
    fc.assert(
      fc.property(seeds, gammas, fc.double({ min: 0.001, max: 1, noNaN: true }), (seed, gamma, share) => {
        const mdp = randomWorld(seed, { states: 3, actions: [2, 3], gamma });
        const before = randomTeam(seed, mdp);
        const after = withPolicy(before, 1, perturbed(seed, before[1], share));
        const evaluation = evaluateTeam(mdp, before);
        const bounds = stepBounds(mdp, { evaluation, before }, { agent: 1, after });
        const gain = evaluateTeam(mdp, after).objective - evaluation.objective;
        const slack = 1e-8 / (1 - gamma) ** 2;
        for (const lower of [bounds.lowerPaper, bounds.lowerTrpo, bounds.lowerSharp, bounds.lowerExpectedTv])
          expect(lower).toBeLessThanOrEqual(gain + slack);
        expect(bounds.lowerSharp).toBeGreaterThanOrEqual(bounds.lowerTrpo - slack);
        if (gamma >= 0.5) expect(bounds.lowerPaper).toBeLessThanOrEqual(slack);
      }),
      { numRuns: 60 },
    );
  });

  it('of the whole stage (E56) are valid too', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(0.3, 0.9), (seed, gamma) => {
        const mdp = randomWorld(seed, { states: 3, actions: [2, 3], gamma });
        const before = randomTeam(seed, mdp);
        const after = before.map((policy, i) => perturbed(seed + i, policy, 0.2));
        const evaluation = evaluateTeam(mdp, before);
        const changes = before.map((policy, i) => policyChange(policy, after[i], evaluation.occupancy));
        const penalty = jointPenalty({
          gamma,
          aMax: evaluation.aMax,
          tvMax_A: changes.map((c) => c.tvMax),
          klMax_A: changes.map((c) => c.klMax),
        });
        const gain = evaluateTeam(mdp, after).objective - evaluation.objective;
        expect(surrogateGain(mdp, evaluation, after) - penalty).toBeLessThanOrEqual(gain + 1e-9);
        const tvSum = changes.reduce((sum, c) => sum + c.tvMax, 0);
        expect(jointTvMax(mdp, before, after)).toBeLessThanOrEqual(tvSum + 1e-12);
      }),
      { numRuns: 40 },
    );
  });
});

describe('policyChange', () => {
  it('matches two states computed by hand', () => {
    const old = [
      [0.5, 0.5],
      [0.25, 0.75],
    ];
    const next = [
      [0.75, 0.25],
      [0.25, 0.75],
    ];
    const change = policyChange(old, next, [0.4, 0.6]);
    expect(change.klMax).toBeCloseTo(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 14);
    expect(change.klReverseMax).toBeCloseTo(0.5 * Math.log(2 / 3) + 0.5 * Math.log(2), 14);
    expect(change.tvMax).toBeCloseTo(0.25, 15);
    expect(change.tvMean).toBeCloseTo(0.1, 15);
  });
});

describe('staleOccupancyStage', () => {
  it('decreases J with the stale occupancy and increases it with the intermediate one (G2)', () => {
    const outcome = staleOccupancyStage({ p1: 0.45, b: 0.55, bonus: 0.2, deltas: [0.05, 0.05] });
    expect(outcome.objective).toBeCloseTo(0.5445, 12);
    expect(outcome.p1After).toBeCloseTo(0.60767056, 8);
    expect(outcome.objectiveAfterAgent0).toBeCloseTo(0.57761082, 8);
    expect(outcome.bStale).toBeCloseTo(0.39232944, 8);
    expect(outcome.objectiveStale).toBeCloseTo(0.52449551, 8);
    expect(outcome.bIntermediate).toBeCloseTo(0.70430217, 8);
    expect(outcome.objectiveIntermediate).toBeCloseTo(0.6295914, 8);
  });

  it('never decreases J with the intermediate occupancy', () => {
    const share = fc.double({ min: 0.05, max: 0.95, noNaN: true });
    fc.assert(
      fc.property(share, share, fc.double({ min: -0.5, max: 1, noNaN: true }), (p1, b, bonus) => {
        const outcome = staleOccupancyStage({ p1, b, bonus, deltas: [0.05, 0.05] });
        expect(outcome.objectiveAfterAgent0).toBeGreaterThanOrEqual(outcome.objective - 1e-12);
        expect(outcome.objectiveIntermediate).toBeGreaterThanOrEqual(outcome.objectiveAfterAgent0 - 1e-12);
      }),
    );
  });
});
