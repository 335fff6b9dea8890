/**
 * Rows: the input of every view of a run. A row is one event of the run, with the rewards of a stage
 * evaluation reduced to their mean and interval, or a measurement of time. Rows are self-contained JSON, so a
 * page, a terminal and a pipe fold the same stream. No Node imports: the dashboard's page bundles this file.
 * @module
 */
import type { DifferenceRecord, Phase, RunEvent } from '../train/events.ts';

/** A stage evaluation, reduced to its statistics. */
export interface StageEvaluationRow {
  readonly kind: 'stage_evaluation';
  /** 0: the base team. */
  readonly stage: number;
  readonly prompts: number;
  /** Mean reward with its 95% interval: Wilson's if every reward is 0 or 1, else Student's. */
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Paired difference from the previous stage evaluation; absent for the first one. */
  readonly change?: DifferenceRecord;
  /** Accuracy of each agent's own answers, 0..1; null for an agent that sent no message. */
  readonly agents?: readonly (number | null)[];
  /** One reward per prompt [P]; only if the row builder keeps them. Rows for pages omit them to stay small. */
  readonly rewards?: readonly number[];
}

/** Wall-clock time of one stage. A newer row of the same stage replaces the older one. */
export interface ClockRow {
  readonly kind: 'clock';
  /** 0: before the first stage. */
  readonly stage: number;
  /** Unix time, ms; in rows of the training process itself, its monotonic clock. */
  readonly startMs: number;
  /** End of the stage and of the promotion test after it; only in rows of the training process itself. */
  readonly endMs?: number;
  /** Time per phase, ms; `other` is the time outside of any phase. Pauses between processes do not count. */
  readonly phases: Readonly<Partial<Record<Phase | 'other', number>>>;
  /** Largest resident memory of the training process during the stage, bytes. */
  readonly rssBytes?: number;
}

/** The phase that the training process is in. */
export interface NowRow {
  readonly kind: 'now';
  readonly stage: number;
  readonly phase?: Phase;
  readonly agent?: number;
  /** Progress within the phase; only in rows of the training process itself. */
  readonly done?: number;
  readonly total?: number;
  /** Start of the phase, on the clock of {@link ClockRow}, ms. */
  readonly sinceMs: number;
}

/** Whether a process writes the run, and whether the run is complete. */
export interface StatusRow {
  readonly kind: 'status';
  readonly status: RunStatus;
  /** Why the run's files can no longer be read. */
  readonly problem?: string;
}

export type RunStatus = 'running' | 'finished' | 'stopped';

export type RunRow =
  | Exclude<RunEvent, { readonly kind: 'stage_evaluation' | 'phase' }>
  | StageEvaluationRow
  | ClockRow
  | NowRow
  | StatusRow;

/** Settings that a run was started with. */
export interface RunFacts {
  readonly name: string;
  readonly task: string;
  readonly protocol: string;
  readonly algorithm: string;
  readonly seed: number;
  /** Level of the KL quantile that the trust region limits, 0..1. */
  readonly quantile: number;
  /** `record`: the KL is measured, and no update is rejected for it. */
  readonly trustRegion: 'enforce' | 'record';
  readonly gate: 'promotion' | 'step' | 'off';
  /** Largest number of paired prompts in one acceptance test. */
  readonly gatePrompts: number;
  /** Text of config.yaml. */
  readonly config: string;
  /** Contents of manifest.json: versions and machine. */
  readonly manifest: Readonly<Record<string, string | number>>;
}
