import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldEvents } from '../run-view/event-rows.ts';
import type { RunEvent } from '../train/events.ts';
import { finalReward, groupFigures, pairedChange, runFigures, stageFalls } from './compare-runs.ts';

function update(stage: number, agent: number, status: 'ACCEPT' | 'REJECT_KL', kl?: number): RunEvent {
  return {
    ...{ kind: 'update', stage, agent, status, attempts: [], betaNext: 0, lrScaleNext: 1, targetKl: 0.1 },
    ...{ reward: 0, rewardStd: 0, fracRewardZeroStd: 0, meanLength: 1, clippedRatio: 0 },
    ...{ trajectories: 1, tokens: 1, logpMismatchMax: 0 },
    ...(kl !== undefined && { kl }),
  };
}

function stageEnd(stage: number, reward: number): RunEvent {
  return { kind: 'stage_finished', stage, reward, accepted: 1, tokens: 0 };
}

const figures = (events: readonly RunEvent[]) => runFigures(foldEvents(events, { keepRewards: true }));

const EVENTS: RunEvent[] = [
  { kind: 'run_started', stages: 2, agents: ['a', 'b'], fromStage: 0 },
  { kind: 'stage_evaluation', stage: 0, rewards: [0, 1] },
  { kind: 'rollout', stage: 1, reward: 0.4, trajectories: 8, tokens: 100 },
  update(1, 0, 'ACCEPT', 0.02),
  update(1, 1, 'ACCEPT', 0.04),
  stageEnd(1, 0.4),
  { kind: 'stage_evaluation', stage: 1, rewards: [1, 1] },
  { kind: 'rollout', stage: 2, reward: 0.6, trajectories: 8, tokens: 50 },
  update(2, 0, 'REJECT_KL', 9),
  stageEnd(2, 0.6),
  { kind: 'stage_evaluation', stage: 2, rewards: [0, 1] },
];

describe('figures of a run', () => {
  it('are derived from its events', () => {
    expect(figures(EVENTS)).toEqual({
      stages: 2,
      rewards: [0.4, 0.6],
      kl: [expect.closeTo(0.03, 12), Number.NaN],
      updates: 3,
      accepted: 2,
      tokens: 150,
      testRewards: [
        [0, 1],
        [1, 1],
        [0, 1],
      ],
    });
    expect(figures([])).toMatchObject({ stages: 0, rewards: [], kl: [], tokens: 0, testRewards: [] });
  });
});

describe('falls', () => {
  it('are counted from one evaluation to the next, significant ones separately', () => {
    const level = (value: number) => Array.from({ length: 40 }, (_, p) => value + 0.01 * (p % 2));
    // only one of the forty prompts has a lower reward
    const noisy = level(0.5).map((x, p) => (p === 0 ? x - 0.1 : x));
    expect(stageFalls([level(0.5), level(0.6), level(0.4), level(0.5), noisy])).toEqual({
      stages: 4,
      fell: 2,
      provedly: 1,
    });
    expect(stageFalls([level(0.5), level(0.5)])).toEqual({ stages: 1, fell: 0, provedly: 0 });
    expect(stageFalls([])).toEqual({ stages: 0, fell: 0, provedly: 0 });
  });

  it('are rejected for different numbers of prompts', () => {
    expect(() =>
      stageFalls([
        [1, 2, 3],
        [1, 2],
      ]),
    ).toThrow('pairedChange: expected 3 prompts on both sides, got 2');
  });
});

describe('a paired change', () => {
  it('changes its sign when the teams are exchanged, and ignores what both have in common', () => {
    const reward = fc.double({ min: 0, max: 1, noNaN: true });
    const prompts = fc.array(fc.tuple(reward, reward), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(prompts, (pairs) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
        const [forward, backward] = [pairedChange(a, b), pairedChange(b, a)];
        expect(forward.mean).toBeCloseTo(-backward.mean, 12);
        expect(forward.low).toBeCloseTo(-backward.high, 12);
        const shifted = pairedChange(
          a.map((x, p) => x + p),
          b.map((x, p) => x + p),
        );
        expect(shifted.high - shifted.low).toBeCloseTo(forward.high - forward.low, 9);
      }),
    );
  });
});

describe('a group of runs', () => {
  const run = (testRewards: number[][]) => ({ ...figures(EVENTS), testRewards });

  it('has the interval of its final rewards over runs, and the falls of all runs', () => {
    const group = groupFigures([
      run([
        [0, 0],
        [1, 0],
      ]),
      run([
        [1, 1],
        [1, 0],
        [1, 1],
      ]),
    ]);
    expect(group).toMatchObject({ runs: 2, tokens: 150, falls: { stages: 3, fell: 1 } });
    expect(group.final.mean).toBeCloseTo(0.75, 12);
    // the half-width of Student's t interval of two values is 12.706 * |1 - 0.5| / 2
    expect(group.final.high).toBeCloseTo(0.75 + 12.7062 * 0.25, 3);
  });

  it('of one run has no interval', () => {
    expect(
      groupFigures([
        run([
          [0, 0],
          [1, 0],
        ]),
      ]).final,
    ).toEqual({ mean: 0.5 });
  });

  it('needs stage evaluations', () => {
    expect(() => groupFigures([run([])])).toThrow('finalReward: expected stage evaluations, got none');
    expect(finalReward([[0], [0.25]])).toBe(0.25);
  });
});
