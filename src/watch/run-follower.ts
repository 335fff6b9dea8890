/**
 * One run folder as a growing list of rows, while it is written and after: whoever subscribes gets all
 * rows so far and then the new ones. Reading never disturbs the run: nothing is locked or written.
 * @module
 */
import { join } from 'node:path';
import { createRowBuilder } from '../run-view/event-rows.ts';
import type { ClockRow, RunRow, RunStatus, StatusRow } from '../run-view/rows.ts';
import { EVENTS_FILE, TIMINGS_FILE } from '../store/layout.ts';
import { isLocked } from '../store/lock.ts';
import { StoreError } from '../support/errors.ts';
import type { RunEvent } from '../train/events.ts';
import { createLineTail, type TailResult } from './line-tail.ts';
import { createRunClock, type TimingLine } from './run-clock.ts';

/**
 * What subscribers hear.
 *
 * @param rows - new ones
 * @param restarted - everything heard before is void: the run went on from an earlier checkpoint
 */
export type RunListener = (rows: readonly RunRow[], restarted: boolean) => void;

export interface RunFollower {
  readonly dir: string;
  readonly status: RunStatus;
  /** Looks at the files once. @throws StoreError when a line is not JSON, or a folder is gone */
  poll(): void;
  /** Calls back at once with all rows so far, then whenever a look finds new ones. @returns ends it */
  subscribe(listener: RunListener): () => void;
}

/** @param dir - a run folder; {@link readRunFacts} checks that it is one */
export function createRunFollower(dir: string): RunFollower {
  return new Follower(dir);
}

class Follower implements RunFollower {
  readonly dir: string;
  readonly #listeners = new Set<RunListener>();
  #events = createLineTail('');
  #timings = createLineTail('');
  #rowOf = createRowBuilder();
  #clock = createRunClock();
  /** In order of the events file. */
  #decisions: RunRow[] = [];
  /** Newest clock row of each stage: older ones say nothing more. */
  #clocks = new Map<number, ClockRow>();
  #now: RunRow | undefined;
  #status: StatusRow = { kind: 'status', status: 'stopped' };
  #hasEnded = false;

  constructor(dir: string) {
    this.dir = dir;
    this.#begin();
  }

  get status(): RunStatus {
    return this.#status.status;
  }

  poll(): void {
    const isWritten = isLocked(this.dir); // asked first: what a process wrote before it left is then read
    let events = this.#events.poll();
    if (events.restarted) {
      this.#begin();
      events = { ...this.#events.poll(), restarted: true };
    }
    const fresh = [...this.#take(events), ...this.#takeTimes(this.#timings.poll())];
    const status: RunStatus = isWritten ? 'running' : this.#hasEnded ? 'finished' : 'stopped';
    if (status !== this.#status.status) {
      this.#status = { kind: 'status', status };
      fresh.push(this.#status);
    }
    if (fresh.length > 0 || events.restarted)
      for (const listener of this.#listeners) listener(fresh, events.restarted);
  }

  subscribe(listener: RunListener): () => void {
    listener(this.#all(), true);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #begin(): void {
    this.#events = createLineTail(join(this.dir, EVENTS_FILE));
    this.#timings = createLineTail(join(this.dir, TIMINGS_FILE));
    this.#rowOf = createRowBuilder();
    this.#clock = createRunClock();
    this.#decisions = [];
    this.#clocks = new Map();
    this.#now = undefined;
    this.#hasEnded = false;
  }

  #all(): RunRow[] {
    const now = this.#now === undefined ? [] : [this.#now];
    return [...this.#decisions, ...this.#clocks.values(), ...now, this.#status];
  }

  #take({ values }: TailResult): RunRow[] {
    const rows: RunRow[] = [];
    for (const value of values) {
      const event = asEvent(value, this.dir);
      // a finished run that goes on for more stages has not ended any more
      if (event.kind === 'run_finished') this.#hasEnded = true;
      if (event.kind === 'stage_started') this.#hasEnded = false;
      const row = this.#rowOf(event);
      if (row !== undefined) rows.push(row);
    }
    for (const row of rows) this.#decisions.push(row);
    return rows;
  }

  #takeTimes({ values }: TailResult): readonly RunRow[] {
    this.#clock.add(values as TimingLine[]); // the folder's own writer made them; odd ones are passed over
    const rows = this.#clock.take();
    for (const row of rows)
      if (row.kind === 'clock') this.#clocks.set(row.stage, row);
      else this.#now = row;
    return rows;
  }
}

/** Kinds this version does not know pass: views leave them out. */
function asEvent(value: unknown, dir: string): RunEvent {
  if (typeof value === 'object' && value !== null && 'kind' in value) return value as RunEvent;
  throw new StoreError(
    `${join(dir, EVENTS_FILE)}: expected events, got ${JSON.stringify(value)?.slice(0, 40)}; the file was changed by something else`,
    { code: 'TROUPE_STORE_JSON', exitCode: 2 },
  );
}
