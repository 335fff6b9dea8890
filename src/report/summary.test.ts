import { expect, it } from 'vitest';
import { foldEvents } from '../run-view/event-rows.ts';
import type { GateRecord, RunEvent } from '../train/events.ts';
import { madeEvents } from '../watch/testing/made-run.ts';
import { championNote, renderSummary } from './summary.ts';

const test = (decision: GateRecord['decision'], stage: number): RunEvent => ({
  ...{
    kind: 'gate',
    stage,
    gate: 'promotion',
    index: 1,
    alpha: 0.03,
    prompts: 60,
    wealth: 40,
    harmWealth: 0.2,
  },
  ...{ meanDifference: 0.08, decision },
});

it('the note about the champion names the last team, if that is another one', () => {
  const stages = madeEvents({ stages: 4, agents: 2 }).filter(({ kind }) => kind !== 'gate');
  const note = (...tests: RunEvent[]) => championNote(foldEvents([...stages, ...tests]), 'runs/a');
  expect(note()).toBeUndefined();
  expect(note(test('promote', 4))).toBeUndefined();
  expect(note(test('keep', 4))).toMatch(
    /^this is the untrained team, .*last team is runs\/a\/checkpoints\/stage-0004$/,
  );
  expect(note(test('promote', 2), test('keep', 4))).toMatch(/^this is the team of stage 2, /);
});

it('the summary lists the accuracies of the trained agents, which can differ', () => {
  const accuracy = (mean: number) => ({ mean, low: 0, high: 1 });
  const evaluation = (label: string, agents: readonly number[]): RunEvent => ({
    ...{ kind: 'evaluation', stage: 4, label, prompts: 10, samples: 1, team: accuracy(0.9) },
    agents: agents.map(accuracy),
  });
  const comparison: RunEvent = {
    ...{ kind: 'comparison', stage: 4, label: 'trained team - untrained team' },
    difference: { mean: 0.1, low: 0, high: 0.2, prompts: 10 },
  };
  const stages = madeEvents({ stages: 4, agents: 2 }).filter(
    ({ kind }) => kind !== 'evaluation' && kind !== 'comparison',
  );
  const summary = (agents: readonly number[]): string =>
    renderSummary(foldEvents([...stages, evaluation('trained team', agents), comparison]));
  expect(summary([0.98, 0.875])).toMatch(/^own answers of its agents: \w+ 98\.0%, \w+ 87\.5%$/m);
  expect(summary([0.98])).not.toContain('own answers of its agents');
  expect(summary([Number.NaN, Number.NaN])).not.toContain('own answers of its agents');
});
