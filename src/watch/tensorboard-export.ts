/**
 * Exports the `metrics.jsonl` file of a run as a TensorBoard event file, during the run or after it. The tags
 * are the keys of the metrics, the steps are stage numbers, and the wall times come from `timings.jsonl`.
 * Repeated exports of a finished run are byte-identical.
 * @module
 */
import { appendFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { eventFileName, type Scalar, scalarRecord, versionRecord } from '../observe/tensorboard.ts';
import { METRICS_FILE, TIMINGS_FILE } from '../store/layout.ts';
import { writeError } from '../support/atomic-file.ts';
import type { MetricsRow } from '../train/store-port.ts';
import { createJsonlTail } from './jsonl-tail.ts';
import type { TimingLine } from './run-clock.ts';

export interface TensorBoardExport {
  /** Appends the metrics written since the last call. @throws StoreError if the folder cannot be written */
  poll(): void;
}

/** Map key of an event. It finds the time of the event from which a row of metrics was computed. */
const eventKey = (kind: string, stage: number, agent?: number): string => `${kind} ${stage} ${agent ?? ''}`;

/**
 * Creates an export; `poll` writes the data.
 *
 * @param run - run folder
 * @param dir - folder for the event file, created if missing; an earlier export in this folder is replaced
 */
export function createTensorBoardExport(run: string, dir: string): TensorBoardExport {
  const metrics = createJsonlTail(join(run, METRICS_FILE));
  const timings = createJsonlTail(join(run, TIMINGS_FILE), { skipDamaged: true });
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
      // Read the timings after the metrics, so that the timings include every row that was read.
      for (const line of timings.poll().values as TimingLine[]) {
        const ms = Date.parse(line.time);
        if (!Number.isFinite(ms)) continue;
        if (wallMs === 0) wallMs = ms;
        times.set(eventKey(line.kind, line.stage ?? 0, line.agent), ms);
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
  if (typeof row.agent === 'number') return eventKey('update', row.stage, row.agent);
  if ('gate/kind' in row) return eventKey('gate', row.stage);
  return eventKey('test/reward' in row ? 'stage_evaluation' : 'stage_finished', row.stage);
}

/** The numeric metrics of a row, without the keys that identify the row. */
function scalarsOf(row: MetricsRow): Scalar[] {
  // An agent's num_tokens is omitted, because the row of the stage has a scalar with the same tag and step.
  const omitted = 'agent' in row ? ['stage', 'agent', 'num_tokens'] : ['stage'];
  return Object.entries(row).flatMap(([tag, value]) =>
    typeof value === 'number' && !omitted.includes(tag) ? [{ tag, value }] : [],
  );
}
