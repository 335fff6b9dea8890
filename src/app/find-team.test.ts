import { describe, expect, it } from 'vitest';
import { warnIfNotNewest } from './find-team.ts';
import type { WarningEvent } from './use-case.ts';

function warningsOf(checkpoint: string, newest?: string): string[] {
  const events: WarningEvent[] = [];
  const stored = { run: 'runs/a', checkpoint, agents: [], ...(newest === undefined ? {} : { newest }) };
  warnIfNotNewest(stored, { onEvent: (event) => events.push(event) });
  return events.map(({ message }) => message);
}

describe('warnIfNotNewest', () => {
  it('names the team that is used and the path of the newest one', () => {
    expect(warningsOf('stage-0005', 'stage-0007')).toEqual([
      'this is the team of stage-0005, because no promotion test has proved that a later team is better; for the newest team, name runs/a/checkpoints/stage-0007',
    ]);
    expect(warningsOf('stage-0000', 'stage-0007')[0]).toContain('stage-0000, with which the run started');
  });

  it('emits nothing for the newest team', () => {
    expect(warningsOf('stage-0007')).toEqual([]);
  });
});
