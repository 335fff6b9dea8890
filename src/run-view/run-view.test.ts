/** Tests the view of a run that is built from its rows, and the results derived from the view. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GateRecord, RunEvent } from '../train/events.ts';
import { madeEvents } from '../watch/testing/made-run.ts';
import { createRowBuilder, foldEvents } from './event-rows.ts';
import { createLiveRows } from './live-rows.ts';
import { phaseLeftMs, timeLeftMs, tokensPerSecond } from './pace.ts';
import { createRunView, foldRows, type RunView } from './run-view.ts';
import {
  finishedStages,
  gatesOf,
  newestReward,
  sampledTokens,
  stageEvaluations,
  updatesOf,
  updateTotals,
} from './selectors.ts';

const TEST: GateRecord = {
  ...{ gate: 'promotion', index: 1, alpha: 0.03, prompts: 60, wealth: 40, harmWealth: 0.2 },
  ...{ meanDifference: 0.08, decision: 'promote' },
};

describe('a run view', () => {
  const events = madeEvents({ stages: 12, agents: 3 });

  it('is the same if rows are added in several parts, or are read back from JSON', () => {
    const rowOf = createRowBuilder();
    const rows = events.flatMap((event) => rowOf(event) ?? []);
    const whole = foldEvents(events);
    fc.assert(
      fc.property(fc.array(fc.nat(rows.length), { maxLength: 6 }), (cuts) => {
        const view = createRunView();
        const edges = [...cuts, rows.length].sort((a, b) => a - b);
        for (const [k, edge] of edges.entries())
          foldRows(view, JSON.parse(JSON.stringify(rows.slice(edges[k - 1] ?? 0, edge))));
        expect(view).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  it('has the same results during the training and if it is built from the events afterwards', () => {
    const live = createRunView();
    const rowsOf = createLiveRows();
    for (const [k, event] of events.entries()) foldRows(live, rowsOf(event, 10 * k));
    const later = foldEvents(events);
    expect(updateTotals(updatesOf(live))).toEqual(updateTotals(updatesOf(later)));
    expect(gatesOf(live)).toEqual(gatesOf(later));
    expect(stageEvaluations(live)).toEqual(stageEvaluations(later));
    expect(sampledTokens(live)).toBe(900 * 3 * 12);
    expect(tokensPerSecond(live, { startedMs: 0, nowMs: 2000 })).toBe(900 * 3 * 6);
    expect(live.championStage).toBe(later.championStage);
  });

  it('keeps the rewards of stage evaluations only on request', () => {
    expect(stageEvaluations(foldEvents(events)).every(({ rewards }) => rewards === undefined)).toBe(true);
    const kept = stageEvaluations(foldEvents(events, { keepRewards: true }));
    expect(kept.map(({ rewards }) => rewards?.length)).toEqual(Array.from({ length: 13 }, () => 100));
  });

  it('does not name a champion after a passed step test', () => {
    expect(foldEvents([{ kind: 'gate', stage: 1, ...TEST, gate: 'step' }]).championStage).toBeUndefined();
    expect(foldEvents([{ kind: 'gate', stage: 1, ...TEST }]).championStage).toBe(1);
  });

  it('has the reward of the newest rollout before the first stage is finished', () => {
    const rollout: RunEvent = { kind: 'rollout', stage: 1, reward: 0.25, trajectories: 8, tokens: 10 };
    expect(newestReward(foldEvents([]))).toBeUndefined();
    expect(newestReward(foldEvents([rollout]))).toBe(0.25);
    expect(newestReward(foldEvents([rollout, finished(1, 0.5), { ...rollout, stage: 2 }]))).toBe(0.5);
  });
});

function finished(stage: number, reward = 0): RunEvent {
  return { kind: 'stage_finished', stage, reward, accepted: 0, tokens: 0 };
}

describe('the estimated time left', () => {
  /** Creates the view of a run, and a function that adds an event with its time, ms. */
  function liveRun(stages: number): { view: RunView; add: (event: RunEvent, ms: number) => void } {
    const view = createRunView();
    const rowsOf = createLiveRows();
    const add = (event: RunEvent, ms: number): void => foldRows(view, rowsOf(event, ms));
    add({ kind: 'run_started', stages, agents: ['ada'], fromStage: 0 }, 0);
    return { view, add };
  }

  it('follows the mean duration of the last stages and subtracts the time of the running one', () => {
    expect(timeLeftMs(createRunView(), 0)).toBeUndefined();
    const { view, add } = liveRun(10);
    for (let stage = 1; stage <= 2; stage++) {
      add({ kind: 'stage_started', stage, order: [0] }, 1000 * stage);
      add(finished(stage), 1000 * stage + 800);
    }
    expect(timeLeftMs(view, 3000)).toBe(8 * 800);
    add({ kind: 'stage_started', stage: 3, order: [0] }, 3000);
    expect(timeLeftMs(view, 3300)).toBe(7 * 800 + 500);
    expect(timeLeftMs(view, 9999)).toBe(7 * 800);
  });

  it('counts a promotion test as part of the stage before it, and is undefined after the last stage', () => {
    const { view, add } = liveRun(2);
    add({ kind: 'stage_started', stage: 1, order: [0] }, 0);
    add(finished(1), 1000);
    add({ kind: 'gate', stage: 1, ...TEST }, 1500);
    expect(timeLeftMs(view, 1500)).toBe(1500);
    add({ kind: 'stage_started', stage: 2, order: [0] }, 1500);
    add({ kind: 'gate', stage: 2, ...TEST, gate: 'step' }, 2000); // within its stage
    expect(timeLeftMs(view, 2000)).toBe(1000);
    add(finished(2), 2500);
    expect(timeLeftMs(view, 2500)).toBeUndefined();
  });

  it('extrapolates a phase from the parts since its first progress', () => {
    const { view, add } = liveRun(1);
    const evaluated = (done: number): RunEvent => ({
      kind: 'phase',
      stage: 1,
      phase: 'evaluate',
      done,
      total: 110,
    });
    add(evaluated(10), 1000);
    expect(phaseLeftMs(view, 1000)).toBeUndefined();
    add(evaluated(60), 2000);
    expect(phaseLeftMs(view, 2000)).toBe(1000);
    add({ ...evaluated(5), phase: 'gate' } as RunEvent, 3000);
    expect(phaseLeftMs(view, 3000)).toBeUndefined();
  });

  it('leaves out the first stage, which has probes, as soon as there is another one', () => {
    const { view, add } = liveRun(4);
    add({ kind: 'stage_started', stage: 1, order: [0] }, 0);
    add(finished(1), 5000);
    expect(timeLeftMs(view, 5000)).toBe(3 * 5000);
    add({ kind: 'stage_started', stage: 2, order: [0] }, 5000);
    add(finished(2), 6000);
    expect(timeLeftMs(view, 6000)).toBe(2 * 1000);
  });

  it('averages over the last five stages of this process only', () => {
    const { view, add } = liveRun(20);
    add(finished(3), 5000); // stage 3 was started by an earlier process, so its duration is unknown
    expect(timeLeftMs(view, 5000)).toBeUndefined();
    for (let stage = 4; stage <= 10; stage++) {
      add({ kind: 'stage_started', stage, order: [0] }, 10_000 * stage);
      add(finished(stage), 10_000 * stage + 100 * stage);
    }
    expect(finishedStages(view)).toHaveLength(8);
    expect(timeLeftMs(view, 200_000)).toBe(10 * 800);
  });
});
