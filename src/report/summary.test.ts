import { expect, it } from 'vitest';
import { foldEvents } from '../run-view/event-rows.ts';
import type { GateRecord, RunEvent } from '../train/events.ts';
import { madeEvents } from '../watch/testing/made-run.ts';
import { championNote } from './summary.ts';

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

it('the note about the champion says whether it is the last team', () => {
  const stages = madeEvents({ stages: 4, agents: 2 }).filter(({ kind }) => kind !== 'gate');
  const note = (...tests: RunEvent[]) => championNote(foldEvents([...stages, ...tests]));
  expect(note()).toBeUndefined();
  expect(note(test('promote', 4))).toBeUndefined();
  expect(note(test('keep', 4))).toMatch(
    /^this is the untrained team, .*last team is checkpoints\/stage-0004$/,
  );
  expect(note(test('promote', 2), test('keep', 4))).toMatch(/^this is the team of stage 2, /);
});
