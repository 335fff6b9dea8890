/**
 * What a training run needs from its run folder: a place for decisions, metrics, transcripts and
 * checkpoints, and the newest complete checkpoint to go on from. `store/` implements it on disk.
 *
 * The resume rule: a checkpoint records how far every file of the run had grown when it was written.
 * Opening the run again cuts the files back to that, so a run killed at any instant and resumed ends
 * with the same bytes as one never killed. Therefore nothing that depends on the clock, the machine or
 * the number of restarts may be in an event, a metric, a transcript or a checkpoint's state.
 * @module
 */
import type { EventSink } from './events.ts';

/** A complete, verified checkpoint. */
export interface Checkpoint {
  /** `stage-0012`. */
  readonly name: string;
  /** Stages finished when it was written; 0: the base team, before any stage. */
  readonly stage: number;
  /** Absolute folder that `save` filled; agent i's model is in `agent_{i}/`. */
  readonly path: string;
  /** What the loop handed over, as JSON gave it back. */
  readonly state: unknown;
}

/** What {@link RunStore.writeCheckpoint} writes. */
export interface CheckpointRequest {
  /** Stages finished; a complete checkpoint of the same stage is replaced. */
  readonly stage: number;
  /**
   * Fills an empty folder; called once. The folder becomes a checkpoint only after everything in it is
   * on disk, so a failure here leaves the last good checkpoint as it was.
   */
  readonly save: (dir: string) => Promise<void>;
  /** JSON value the loop needs to go on: betas, learning-rate scales, gate counters. */
  readonly state: unknown;
  /**
   * Name of the champion from now on; may be this checkpoint's own {@link checkpointName}. Absent: the
   * champion stays. Part of the checkpoint, so pointer and state cannot disagree after a crash.
   */
  readonly champion?: string;
}

/** One row of `metrics.jsonl`: TRL's names, per-agent ones prefixed `agent_{i}/`. */
export type MetricsRow = { readonly stage: number } & Readonly<
  Record<string, number | string | boolean | null>
>;

/**
 * A run folder owned by this process. As a sink it stores every event but `phase`, which only leaves a
 * time in `timings.jsonl`, like the `run_started` of a resumed run; wall-clock times live there alone.
 * Emit the `checkpoint` event *before* {@link writeCheckpoint}, so that the checkpoint covers it.
 */
export interface RunStore extends EventSink {
  /** Absolute path of the run folder. */
  readonly dir: string;
  /** The newest complete checkpoint, the one to resume from; undefined: start at stage 0. */
  lastCheckpoint(): Checkpoint | undefined;
  /** The team to deploy: the last one proved better, else undefined. Never pruned. */
  champion(): Checkpoint | undefined;
  appendMetrics(row: MetricsRow): void;
  /** Adds readable transcripts to `completions/stage-000N.jsonl`; the stage must not lie before the last checkpoint. */
  appendCompletions(stage: number, rows: readonly object[]): void;
  /** Makes everything appended so far durable, then the checkpoint, then drops old ones. */
  writeCheckpoint(request: CheckpointRequest): Promise<Checkpoint>;
  /** Replaces `report.md`. */
  writeReport(markdown: string): void;
  /** Gives the run folder back (lock, open files). */
  close(): Promise<void>;
}

/** Name of the checkpoint of a stage: `stage-0012`. */
export function checkpointName(stage: number): string {
  return `stage-${String(stage).padStart(4, '0')}`;
}
