/**
 * A run folder that this process has locked; created by {@link createRun} and {@link openRun}.
 * @see train/store-port.ts for the resume rule
 * @module
 */
import { join } from 'node:path';
import { removeQuietly, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { diskFileSystem, type FileSystem } from '../support/file-system.ts';
import type { RunEvent } from '../train/events.ts';
import {
  type Checkpoint,
  type CheckpointRequest,
  checkpointName,
  type MetricsRow,
  type RunStore,
} from '../train/store-port.ts';
import { type AppendLog, openAppendLog } from './append-log.ts';
import type { CheckpointRecord } from './checkpoint-folder.ts';
import { addCheckpoint, linkChampion, pruneCheckpoints } from './checkpoints.ts';
import {
  CHECKPOINTS,
  COMPLETIONS,
  completionsFile,
  EVENTS_FILE,
  METRICS_FILE,
  MODEL_CALLS_FILE,
  REPORT_FILE,
  REPORT_PICTURES,
  TIMINGS_FILE,
} from './layout.ts';

export interface DiskRunStoreOptions {
  readonly dir: string;
  /** Releases the lock. */
  readonly unlock: () => void;
  /** Number of newest checkpoints to keep, besides the champion (the checkpoint to deploy). */
  readonly keepLast: number;
  readonly last?: Checkpoint | undefined;
  readonly champion?: Checkpoint | undefined;
  /** Lengths to which the append-only files are truncated, bytes; 0 for a run without a checkpoint. */
  readonly lengths: CheckpointRecord['lengths'];
  readonly now: () => Date;
  readonly fs?: FileSystem;
}

/** See {@link RunStore}. */
export class DiskRunStore implements RunStore {
  readonly dir: string;
  readonly #options: DiskRunStoreOptions;
  readonly #fs: FileSystem;
  readonly #resumed: boolean;
  readonly #events: AppendLog;
  readonly #metrics: AppendLog;
  readonly #timings: AppendLog;
  #modelCalls: AppendLog | undefined;
  #last: Checkpoint | undefined;
  #champion: Checkpoint | undefined;
  #phase = '';
  #closed = false;

  constructor(options: DiskRunStoreOptions) {
    const { dir, lengths, fs = diskFileSystem } = options;
    this.dir = dir;
    this.#options = options;
    this.#fs = fs;
    this.#last = options.last;
    this.#champion = options.champion;
    this.#resumed = options.last !== undefined;
    this.#events = openAppendLog(join(dir, EVENTS_FILE), { keepBytes: lengths.events, fs });
    this.#metrics = openAppendLog(join(dir, METRICS_FILE), { keepBytes: lengths.metrics, fs });
    this.#timings = openAppendLog(join(dir, TIMINGS_FILE), { fs });
  }

  lastCheckpoint(): Checkpoint | undefined {
    return this.#last;
  }

  champion(): Checkpoint | undefined {
    return this.#champion;
  }

  emit(event: RunEvent): void {
    this.#recordTime(event);
    if (event.kind === 'phase') return;
    // the event log must be the same for an interrupted and an uninterrupted run, so a resumed run does not
    // log its start
    if (event.kind === 'run_started' && this.#resumed) return;
    this.#events.append([event]);
  }

  appendMetrics(row: MetricsRow): void {
    this.#metrics.append([row]);
  }

  appendCompletions(stage: number, rows: readonly object[]): void {
    if (stage < (this.#last?.stage ?? 0))
      throw new RangeError(
        `appendCompletions: expected a stage >= ${this.#last?.stage}, the last checkpoint's, got ${stage}`,
      );
    try {
      this.#fs.mkdirSync(join(this.dir, COMPLETIONS), { recursive: true });
      const log = this.#openCompletions(stage);
      try {
        log.append(rows);
      } finally {
        log.close();
      }
    } catch (error) {
      throw writeError(join(this.dir, completionsFile(stage)), error);
    }
  }

  async writeCheckpoint(request: CheckpointRequest): Promise<Checkpoint> {
    const { stage } = request;
    const state: unknown = JSON.parse(JSON.stringify(request.state ?? null));
    const champion = request.champion ?? this.#champion?.name;
    const dir = join(this.dir, CHECKPOINTS);
    const path = await addCheckpoint(dir, stage, {
      save: request.save,
      record: () => {
        this.#sync(stage);
        return {
          stage,
          ...(champion === undefined ? {} : { champion }),
          lengths: this.#lengths(stage),
          state,
        };
      },
      fs: this.#fs,
    });
    const checkpoint: Checkpoint = { name: checkpointName(stage), stage, path, state };
    this.#last = checkpoint;
    if (champion === checkpoint.name) this.#champion = checkpoint;
    try {
      linkChampion(dir, champion, this.#fs);
      pruneCheckpoints(dir, { keepLast: this.#options.keepLast, champion, fs: this.#fs });
    } catch (error) {
      throw writeError(dir, error, `the checkpoint ${checkpoint.name} is intact`);
    }
    return checkpoint;
  }

  /** Appends a row about a call to a model; the file is created with the first row. */
  recordModelCall(row: object): void {
    if (this.#closed) return;
    this.#modelCalls ??= openAppendLog(join(this.dir, MODEL_CALLS_FILE), { fs: this.#fs });
    this.#modelCalls.append([row]);
  }

  /** @param pictures - SVG by file name without its ending, for {@link REPORT_PICTURES}; others are removed */
  writeReport(markdown: string, pictures: Readonly<Record<string, string>> = {}): void {
    const folder = join(this.dir, REPORT_PICTURES);
    const files = Object.entries(pictures).map(([name, svg]) => [`${name}.svg`, svg] as const);
    if (files.length > 0) this.#fs.mkdirSync(folder, { recursive: true });
    for (const [name, svg] of files) writeFileAtomic(join(folder, name), svg, this.#fs);
    writeFileAtomic(join(this.dir, REPORT_FILE), markdown, this.#fs);
    if (!this.#fs.existsSync(folder)) return;
    for (const name of this.#fs.readdirSync(folder))
      if (!files.some(([kept]) => kept === name)) removeQuietly(join(folder, name), this.#fs);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const log of [this.#events, this.#metrics, this.#timings, this.#modelCalls]) log?.close();
    this.#options.unlock();
  }

  /**
   * Records the time of an event. Of the progress events of a phase, only the time of the first is recorded.
   */
  #recordTime(event: RunEvent): void {
    const { kind } = event;
    const stage = 'stage' in event ? { stage: event.stage } : {};
    const agent = 'agent' in event ? { agent: event.agent } : {};
    const phase = kind === 'phase' ? { phase: event.phase } : {};
    const row = { kind, ...stage, ...agent, ...phase };
    const text = JSON.stringify(row);
    if (kind === 'phase' && text === this.#phase) return;
    if (kind === 'phase') this.#phase = text;
    const rss = kind === 'phase' ? {} : { rss_bytes: process.memoryUsage.rss() };
    this.#timings.append([{ time: this.#options.now().toISOString(), ...row, ...rss }]);
  }

  #lengths(stage: number): CheckpointRecord['lengths'] {
    return {
      events: this.#events.lengthBytes,
      metrics: this.#metrics.lengthBytes,
      completions: this.#completionsBytes(stage),
    };
  }

  #completionsBytes(stage: number): number {
    const path = join(this.dir, completionsFile(stage));
    return this.#fs.existsSync(path) ? this.#fs.statSync(path).size : 0;
  }

  #openCompletions(stage: number): AppendLog {
    const keepBytes = this.#completionsBytes(stage);
    return openAppendLog(join(this.dir, completionsFile(stage)), { keepBytes, fs: this.#fs });
  }

  /** Flushes all files whose lengths the checkpoint records. */
  #sync(stage: number): void {
    this.#events.sync();
    this.#metrics.sync();
    if (this.#completionsBytes(stage) === 0) return;
    const log = this.#openCompletions(stage);
    log.sync();
    log.close();
  }
}
