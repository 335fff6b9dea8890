/**
 * Interface of a run's storage: events, metrics, transcripts and checkpoints. `store/` implements it on disk.
 *
 * The resume rule: a checkpoint records the length of every file of the run. When the run is opened again,
 * the store truncates the files to these lengths, so a run that was killed at any time and resumed ends with
 * the same bytes as an uninterrupted one. Therefore events, metrics, transcripts and the state of checkpoints
 * must not depend on the clock, the machine or the number of restarts.
 * @module
 */
import type { EventSink } from './events.ts';

/** A complete, verified checkpoint. */
export interface Checkpoint {
  /** Name of the checkpoint, e.g. `stage-0012`. */
  readonly name: string;
  /** Number of completed stages; 0: the base team. */
  readonly stage: number;
  /** Absolute path of the folder; agent i's model is in `agent_{i}/`. */
  readonly path: string;
  /** `state` of the {@link CheckpointRequest}, serialised to JSON and parsed again. */
  readonly state: unknown;
}

/** Contents of a checkpoint for {@link RunStore.writeCheckpoint}. */
export interface CheckpointRequest {
  /** Number of completed stages. An existing checkpoint of this stage is replaced. */
  readonly stage: number;
  /**
   * Writes the models into an empty folder; called once. The folder becomes a checkpoint only after all its files are
   * on disk, so an error leaves the previous checkpoint unchanged.
   */
  readonly save: (dir: string) => Promise<void>;
  /**
   * JSON value with the state of the training loop: coefficients beta of the KL penalties, learning-rate
   * scales, counters of the acceptance tests.
   */
  readonly state: unknown;
  /**
   * Name of the checkpoint that becomes the champion (the team to deploy), usually this checkpoint's own
   * {@link checkpointName}; absent: the champion does not change. The name is stored in the checkpoint, so
   * that champion and state agree after a crash.
   */
  readonly champion?: string;
}

/**
 * One row of `metrics.jsonl`. The keys are those of TRL; keys of single agents have the prefix `agent_{i}/`.
 */
export type MetricsRow = { readonly stage: number } & Readonly<
  Record<string, number | string | boolean | null>
>;

/**
 * A run folder locked by this process. As an event sink it stores all events, with two exceptions: `phase`
 * events and the `run_started` of a resumed run. Of these events it writes only the time, to `timings.jsonl`,
 * the only file with wall-clock times. Emit the `checkpoint` event *before* {@link writeCheckpoint}, so that
 * the checkpoint includes it.
 */
export interface RunStore extends EventSink {
  /** Absolute path of the run folder. */
  readonly dir: string;
  /** The newest complete checkpoint, from which the run resumes; undefined: there is none. */
  lastCheckpoint(): Checkpoint | undefined;
  /**
   * The checkpoint of the champion (the team to deploy), which is never deleted; undefined: there is none.
   */
  champion(): Checkpoint | undefined;
  appendMetrics(row: MetricsRow): void;
  /**
   * Appends transcripts to `completions/stage-000N.jsonl`. The stage must not be earlier than that of the
   * last checkpoint.
   */
  appendCompletions(stage: number, rows: readonly object[]): void;
  /** Flushes all appended rows to disk, writes the checkpoint, then deletes old checkpoints. */
  writeCheckpoint(request: CheckpointRequest): Promise<Checkpoint>;
  /** Replaces `report.md`. */
  writeReport(markdown: string): void;
  /** Closes the files and releases the lock. */
  close(): Promise<void>;
}

/** Returns the name of the checkpoint of a stage, e.g. `stage-0012`. */
export function checkpointName(stage: number): string {
  return `stage-${String(stage).padStart(4, '0')}`;
}
