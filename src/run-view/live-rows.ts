/**
 * Converts events to rows inside the training process, where a monotonic clock gives the time of each event
 * and `phase` events report progress. The terminal sink builds its view of the run from these rows.
 * @module
 */
import type { RunEvent } from '../train/events.ts';
import { createRowBuilder } from './event-rows.ts';
import type { ClockRow, NowRow, RunRow } from './rows.ts';

/** @returns a function from an event and its time, ms, to rows; call it with all events of a run, in order */
export function createLiveRows(): (event: RunEvent, nowMs: number) => readonly RunRow[] {
  const rowOf = createRowBuilder();
  let clock: ClockRow | undefined;
  let now: NowRow | undefined;

  const idleRow = (stage: number, nowMs: number): RunRow => {
    now = { kind: 'now', stage, sinceMs: nowMs };
    return now;
  };

  const timeRows = (event: RunEvent, nowMs: number): RunRow[] => {
    switch (event.kind) {
      case 'phase': {
        const isSame = (['stage', 'agent', 'phase'] as const).every((key) => now?.[key] === event[key]);
        const { sinceMs, doneBefore = 0 } = isSame && now ? now : { sinceMs: nowMs, doneBefore: event.done };
        now = { ...event, kind: 'now', sinceMs, doneBefore };
        return [now];
      }
      case 'stage_started':
        clock = { kind: 'clock', stage: event.stage, startMs: nowMs, phases: {} };
        return [clock];
      case 'stage_finished': {
        const idle = idleRow(event.stage, nowMs);
        if (clock === undefined) return [idle];
        clock = { ...clock, endMs: nowMs };
        return [idle, clock];
      }
      case 'gate':
        // A promotion test runs after the end of its stage, and its time counts as time of the stage. A step
        // test runs before the end of its stage.
        if (clock?.endMs === undefined) return [];
        clock = { ...clock, endMs: nowMs };
        return [clock];
      case 'run_finished':
        return [idleRow(event.stage, nowMs)];
      default:
        return [];
    }
  };

  return (event, nowMs) => {
    const row = rowOf(event);
    return row === undefined ? timeRows(event, nowMs) : [row, ...timeRows(event, nowMs)];
  };
}
