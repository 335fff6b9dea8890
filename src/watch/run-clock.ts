/**
 * Adds up the wall-clock time of a run per stage and phase, from `timings.jsonl`. The time between two
 * consecutive lines of the file counts for one stage and one phase. A resumed run appends to the file. The
 * time between the end of one training process and the start of the next does not count.
 * @module
 */

import type { ClockRow, NowRow } from '../run-view/rows.ts';
import type { Phase } from '../train/events.ts';

/** A line of `timings.jsonl`. */
export interface TimingLine {
  /** ISO time. */
  readonly time: string;
  readonly kind: string;
  readonly stage?: number;
  readonly agent?: number;
  readonly phase?: Phase;
  /** Resident memory of the training process, bytes. */
  readonly rss_bytes?: number;
}

/** Time per phase, ms. */
type PhaseTimes = Partial<Record<Phase | 'other', number>>;

interface StageClock {
  readonly startMs: number;
  readonly phases: PhaseTimes;
  rssBytes: number | undefined;
}

/** A running sum over the lines of `timings.jsonl`. */
export interface RunClock {
  add(lines: readonly TimingLine[]): void;
  /** @returns clock rows of the stages that changed since the last call, and a row of the current phase */
  take(): readonly (ClockRow | NowRow)[];
}

export function createRunClock(): RunClock {
  const stages = new Map<number, StageClock>();
  const changed = new Set<number>();
  let last: { readonly line: TimingLine; readonly ms: number; readonly stage: number } | undefined;

  const add = (line: TimingLine): void => {
    const ms = Date.parse(line.time);
    if (!Number.isFinite(ms)) return;
    // A line without a stage number belongs to the stage of the line before it.
    const stage = line.kind === 'run_started' ? (last?.stage ?? 0) : (line.stage ?? last?.stage ?? 0);
    const clock = stages.get(stage) ?? { startMs: ms, phases: {}, rssBytes: undefined };
    stages.set(stage, clock);
    if (last !== undefined && line.kind !== 'run_started') {
      const phase = phaseBetween(last.line, line);
      clock.phases[phase] = (clock.phases[phase] ?? 0) + Math.max(0, ms - last.ms);
    }
    if (line.rss_bytes !== undefined) clock.rssBytes = Math.max(clock.rssBytes ?? 0, line.rss_bytes);
    changed.add(stage);
    last = { line, ms, stage };
  };

  return {
    add: (lines) => lines.forEach(add),
    take() {
      const rows: (ClockRow | NowRow)[] = [...changed].map((stage) => clockRow(stage, stages.get(stage)!));
      changed.clear();
      if (rows.length > 0 && last !== undefined) rows.push(nowRow(last));
      return rows;
    },
  };
}

/**
 * Returns the phase for which the time between two consecutive lines counts. The line of a phase is written
 * when the phase starts or when its first part is done, so the time before this line may count for the phase
 * too. The line of a checkpoint is written before the checkpoint's files are written.
 */
function phaseBetween(from: TimingLine, to: TimingLine): Phase | 'other' {
  if (from.kind === 'phase') return from.phase ?? 'other';
  if (from.kind === 'checkpoint') return 'checkpoint';
  return to.kind === 'phase' ? (to.phase ?? 'other') : 'other';
}

function clockRow(stage: number, { startMs, phases, rssBytes }: StageClock): ClockRow {
  return {
    kind: 'clock',
    stage,
    startMs,
    phases: { ...phases },
    ...(rssBytes !== undefined && { rssBytes }),
  };
}

function nowRow({
  line: { kind, phase, agent },
  ms,
  stage,
}: {
  readonly line: TimingLine;
  readonly ms: number;
  readonly stage: number;
}): NowRow {
  return {
    kind: 'now',
    stage,
    ...(kind === 'phase' && phase !== undefined && { phase }),
    ...(kind === 'phase' && agent !== undefined && { agent }),
    sinceMs: ms,
  };
}
