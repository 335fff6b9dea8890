/**
 * Reads the files of one run folder, during the run and after it, and converts them to rows. A subscriber
 * receives all rows so far and then each new row. The follower cannot disturb the run, because it takes no
 * lock and writes no file.
 * @module
 */
import { join } from 'node:path';
import { createRowBuilder } from '../run-view/event-rows.ts';
import type { ClockRow, RunRow, RunStatus, StatusRow } from '../run-view/rows.ts';
import { EVENTS_FILE, TIMINGS_FILE } from '../store/layout.ts';
import { isLocked } from '../store/lock.ts';
import { StoreError } from '../support/errors.ts';
import type { RunEvent } from '../train/events.ts';
import { createJsonlTail, type TailResult } from './jsonl-tail.ts';
import { createRunClock, type TimingLine } from './run-clock.ts';

/**
 * Receives the rows of a run.
 *
 * @param rows - new rows
 * @param restarted - if true, the subscriber must discard all earlier rows, because `rows` starts at the
 *   beginning of the run; e.g. after the run was resumed from an earlier checkpoint
 */
export type RunListener = (rows: readonly RunRow[], restarted: boolean) => void;

export interface RunFollower {
  readonly dir: string;
  readonly status: RunStatus;
  /** Reads the lines that were appended to the run's files. @throws StoreError if a line is not JSON */
  poll(): void;
  /**
   * Calls the listener at once with all rows so far and `restarted` = true, then after every poll that reads
   * new rows.
   *
   * @returns a function that unsubscribes
   */
  subscribe(listener: RunListener): () => void;
}

/** @param dir - a run folder; `readRunFacts` checks that the folder is a run */
export function createRunFollower(dir: string): RunFollower {
  return new Follower(dir);
}

class Follower implements RunFollower {
  readonly dir: string;
  readonly #listeners = new Set<RunListener>();
  #events = createJsonlTail('');
  #timings = createJsonlTail('');
  #rowOf = createRowBuilder();
  #clock = createRunClock();
  /** Rows made from events, in the order of the events file. */
  #eventRows: RunRow[] = [];
  /** Newest clock row of each stage. */
  #clockRows = new Map<number, ClockRow>();
  #now: RunRow | undefined;
  #status: StatusRow = { kind: 'status', status: 'stopped' };
  #hasEnded = false;

  constructor(dir: string) {
    this.dir = dir;
    this.#reset();
  }

  get status(): RunStatus {
    return this.#status.status;
  }

  poll(): void {
    // Check the lock before reading the files. In the opposite order, a process could write its last lines
    // and release the lock in between, and those lines would be missed.
    const isBeingWritten = isLocked(this.dir);
    let events = this.#events.poll();
    if (events.restarted) {
      this.#reset();
      events = { ...this.#events.poll(), restarted: true };
    }
    const fresh = [...this.#addEvents(events), ...this.#addTimings(this.#timings.poll())];
    const status: RunStatus = isBeingWritten ? 'running' : this.#hasEnded ? 'finished' : 'stopped';
    if (status !== this.#status.status) {
      this.#status = { kind: 'status', status };
      fresh.push(this.#status);
    }
    if (fresh.length > 0 || events.restarted)
      for (const listener of this.#listeners) listener(fresh, events.restarted);
  }

  subscribe(listener: RunListener): () => void {
    listener(this.#allRows(), true);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #reset(): void {
    this.#events = createJsonlTail(join(this.dir, EVENTS_FILE));
    this.#timings = createJsonlTail(join(this.dir, TIMINGS_FILE), { skipDamaged: true });
    this.#rowOf = createRowBuilder();
    this.#clock = createRunClock();
    this.#eventRows = [];
    this.#clockRows = new Map();
    this.#now = undefined;
    this.#hasEnded = false;
  }

  #allRows(): RunRow[] {
    const now = this.#now === undefined ? [] : [this.#now];
    return [...this.#eventRows, ...this.#clockRows.values(), ...now, this.#status];
  }

  #addEvents({ values }: TailResult): RunRow[] {
    const rows: RunRow[] = [];
    for (const value of values) {
      const event = asEvent(value, this.dir);
      // A finished run can be resumed with a larger number of stages; it is then no longer finished.
      if (event.kind === 'run_finished') this.#hasEnded = true;
      if (event.kind === 'stage_started') this.#hasEnded = false;
      const row = this.#rowOf(event);
      if (row !== undefined) rows.push(row);
    }
    for (const row of rows) this.#eventRows.push(row);
    return rows;
  }

  #addTimings({ values }: TailResult): readonly RunRow[] {
    // The type is not checked, because only troupe's store writes this file. The clock skips malformed times.
    this.#clock.add(values as TimingLine[]);
    const rows = this.#clock.take();
    for (const row of rows)
      if (row.kind === 'clock') this.#clockRows.set(row.stage, row);
      else this.#now = row;
    return rows;
  }
}

/** Checks that a value is an event. Accepts unknown kinds from newer versions, which views ignore. */
function asEvent(value: unknown, dir: string): RunEvent {
  if (typeof value === 'object' && value !== null && 'kind' in value) return value as RunEvent;
  throw new StoreError(
    `${join(dir, EVENTS_FILE)}: expected events, got ${JSON.stringify(value)?.slice(0, 40)}; another program changed the file`,
    { code: 'TROUPE_STORE_JSON', exitCode: 2 },
  );
}
