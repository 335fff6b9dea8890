/**
 * A run's `metrics.jsonl` as a TensorBoard event file, following the run while it is written. Tags are
 * the metrics' own keys, steps are stages, times those of `timings.jsonl`, so that a finished run gives
 * the same bytes every time.
 * @module
 */
import { appendFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventFileName, type Scalar, scalarRecord, versionRecord } from '../observe/tensorboard.ts';
import { METRICS_FILE, TIMINGS_FILE } from '../store/layout.ts';
import { writeError } from '../support/atomic-file.ts';
import type { MetricsRow } from '../train/store-port.ts';
import { createLineTail } from './line-tail.ts';
import type { TimingLine } from './run-clock.ts';

export interface TensorBoardExport {
  /** Adds what the run has written since the last call. @throws StoreError when the folder cannot be written */
  poll(): void;
}

/** What a time is looked up by: the event that a row of metrics came from. */
const eventOf = (kind: string, stage: number, agent?: number): string => `${kind} ${stage} ${agent ?? ''}`;

/**
 * @param run - run folder
 * @param dir - folder for the event file, made if it is not there; an earlier export in it is replaced
 */
export function createTensorBoardExport(run: string, dir: string): TensorBoardExport {
  const metrics = createLineTail(join(run, METRICS_FILE));
  const timings = createLineTail(join(run, TIMINGS_FILE));
  const times = new Map<string, number>();
  let path: string | undefined;
  let wallMs = 0;

  const begin = (): string => {
    mkdirSync(dir, { recursive: true });
    for (const name of readdirSync(dir))
      if (/^events\.out\.tfevents\.\d+\.troupe$/.test(name)) rmSync(join(dir, name));
    const file = join(dir, eventFileName(wallMs));
    appendFileSync(file, versionRecord(wallMs));
    return file;
  };

  return {
    poll() {
      const { restarted, values } = metrics.poll();
      // read after the metrics: the time of every row is then known
      for (const line of timings.poll().values as TimingLine[]) {
        const ms = Date.parse(line.time);
        if (!Number.isFinite(ms)) continue;
        if (wallMs === 0) wallMs = ms;
        times.set(eventOf(line.kind, line.stage ?? 0, line.agent), ms);
      }
      if (restarted) path = undefined;
      if (values.length === 0) return;
      try {
        path ??= begin();
        const records = (values as MetricsRow[]).map((row) => {
          wallMs = times.get(sourceOf(row)) ?? wallMs;
          return scalarRecord(row.stage, wallMs, scalarsOf(row));
        });
        appendFileSync(path, Buffer.concat(records));
      } catch (error) {
        throw writeError(dir, error);
      }
    },
  };
}

function sourceOf(row: MetricsRow): string {
  if (typeof row.agent === 'number') return eventOf('update', row.stage, row.agent);
  if ('gate/kind' in row) return eventOf('gate', row.stage);
  return eventOf('test/reward' in row ? 'test' : 'stage_finished', row.stage);
}

/** Numbers of a row; what names it is no series, and words have no place in a scalar. */
function scalarsOf(row: MetricsRow): Scalar[] {
  // the stage's own row has num_tokens too; twice at one step would make a zigzag
  const left = 'agent' in row ? ['stage', 'agent', 'num_tokens'] : ['stage'];
  return Object.entries(row).flatMap(([tag, value]) =>
    typeof value === 'number' && !left.includes(tag) ? [{ tag, value }] : [],
  );
}
