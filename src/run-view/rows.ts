/**
 * What views of a run are made of: its events, with what only machines want condensed, and the clock's
 * part of them. Rows are JSON and self-contained, so that a page, a terminal and a pipe fold the same
 * stream. Nothing here needs Node: pages import it.
 * @module
 */
import type { DifferenceRecord, Phase, RunEvent } from '../train/events.ts';

/** A stage evaluation without the single rewards. */
export interface StageEvaluationRow {
  readonly kind: 'stage_evaluation';
  readonly stage: number;
  readonly prompts: number;
  /** Mean reward with its 95% interval: Wilson's where every reward is 0 or 1, else Student's. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Against the measurement before, paired; absent for the first one. */
  readonly change?: DifferenceRecord;
  readonly agents?: readonly (number | null)[];
}

/** When a stage was played and what the time went into; sent again whenever it grows. */
export interface ClockRow {
  readonly kind: 'clock';
  /** 0: before the first stage. */
  readonly stage: number;
  /** Unix time, ms. */
  readonly startMs: number;
  /** Wall-clock time by phase, ms; `other` is what no phase names. Pauses between processes do not count. */
  readonly phases: Readonly<Partial<Record<Phase | 'other', number>>>;
  /** Most resident memory of the training process seen in the stage, bytes. */
  readonly rssBytes?: number;
}

/** What is going on at this moment. */
export interface NowRow {
  readonly kind: 'now';
  readonly stage: number;
  readonly phase?: Phase;
  readonly agent?: number;
  /** Unix time since when, ms. */
  readonly sinceMs: number;
}

/** Whether a process is writing the run, and whether it has come to its end. */
export interface StatusRow {
  readonly kind: 'status';
  readonly status: RunStatus;
  /** Why the run cannot be read any further. */
  readonly problem?: string;
}

export type RunStatus = 'running' | 'finished' | 'stopped';

export type WatchRow =
  | Exclude<RunEvent, { readonly kind: 'stage_evaluation' | 'phase' }>
  | StageEvaluationRow
  | ClockRow
  | NowRow
  | StatusRow;

/** What a run was started with: a few words and its whole configuration. */
export interface RunFacts {
  readonly name: string;
  readonly task: string;
  readonly protocol: string;
  readonly algorithm: string;
  readonly seed: number;
  /** Level of the quantile that gate 1 looks at. */
  readonly quantile: number;
  /** `record`: the trust region was measured and decided nothing. */
  readonly trustRegion: 'enforce' | 'record';
  readonly gate: 'promotion' | 'step' | 'off';
  /** Most paired prompts of one acceptance test. */
  readonly gatePrompts: number;
  /** config.yaml. */
  readonly config: string;
  /** Versions and machine, as manifest.json has them. */
  readonly manifest: Readonly<Record<string, string | number>>;
}
