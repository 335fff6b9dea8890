/**
 * A run store with logs in memory and checkpoints on disk, because models save into folders. It follows the
 * resume rule of `store-port.ts`: opening a run again truncates every log to the last checkpoint.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '../events.ts';
import {
  type Checkpoint,
  type CheckpointRequest,
  checkpointName,
  type MetricsRow,
  type RunStore,
} from '../store-port.ts';

interface Saved {
  readonly checkpoint: Checkpoint;
  readonly champion: string | undefined;
  readonly lengths: { readonly events: number; readonly metrics: number; readonly completions: number };
}

/** The persistent data of a run. */
export class MemoryRun {
  readonly dir = mkdtempSync(join(tmpdir(), 'troupe-run-'));
  readonly events: string[] = [];
  readonly metrics: string[] = [];
  readonly completions: string[] = [];
  readonly saved = new Map<string, Saved>();
  #last: Saved | undefined;

  /** Name of the checkpoint of the champion, the team to deploy. */
  get champion(): string | undefined {
    return this.#last?.champion;
  }

  /** Opens the run as a new process does: truncates the logs to the last checkpoint. */
  open(): RunStore {
    const lengths = this.#last?.lengths ?? { events: 0, metrics: 0, completions: 0 };
    this.events.length = lengths.events;
    this.metrics.length = lengths.metrics;
    this.completions.length = lengths.completions;
    const resumed = this.#last !== undefined;
    return {
      dir: this.dir,
      lastCheckpoint: () => this.#last?.checkpoint,
      champion: () => this.saved.get(this.champion ?? '')?.checkpoint,
      emit: (event) => this.#record(event, resumed),
      appendMetrics: (row: MetricsRow) => void this.metrics.push(JSON.stringify(row)),
      appendCompletions: (stage, rows) => {
        for (const row of rows) this.completions.push(JSON.stringify({ ...row, stage }));
      },
      writeCheckpoint: (request) => this.#write(request),
      writeReport() {},
      async close() {},
    };
  }

  /** Events of one kind as parsed JSON. */
  eventsOf<K extends RunEvent['kind']>(kind: K): Extract<RunEvent, { kind: K }>[] {
    return this.events
      .map((line) => JSON.parse(line) as RunEvent)
      .filter((event): event is Extract<RunEvent, { kind: K }> => event.kind === kind);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }

  #record(event: RunEvent, resumed: boolean): void {
    if (event.kind === 'phase' || (event.kind === 'run_started' && resumed)) return;
    this.events.push(JSON.stringify(event));
  }

  async #write({ stage, save, state, champion }: CheckpointRequest): Promise<Checkpoint> {
    const name = checkpointName(stage);
    const path = join(this.dir, name);
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path);
    await save(path);
    const checkpoint = { name, stage, path, state: JSON.parse(JSON.stringify(state)) as unknown };
    const { events, metrics, completions } = this;
    this.#last = {
      checkpoint,
      champion: champion ?? this.#last?.champion,
      lengths: { events: events.length, metrics: metrics.length, completions: completions.length },
    };
    this.saved.set(name, this.#last);
    return checkpoint;
  }
}
