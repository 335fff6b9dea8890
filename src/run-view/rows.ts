/**
 * Rows: the input of every view of a run. A row is an event of the run (the rewards of a stage evaluation are
 * reduced to their mean and interval), a measurement of time, or the run's status. Rows are self-contained
 * JSON, so the dashboard and the terminal build their views from the same stream. No Node imports, because
 * the dashboard's page bundles this file.
 * @module
 */
import type { DifferenceRecord, Phase, RunEvent } from '../train/events.ts';

/** A stage evaluation, reduced to its statistics. */
export interface StageEvaluationRow {
  readonly kind: 'stage_evaluation';
  /** 0: the base team. */
  readonly stage: number;
  readonly prompts: number;
  /** Mean reward over the prompts. */
  readonly mean: number;
  /** Lower bound of the mean's 95% interval: Wilson's if every reward is 0 or 1, else Student's t. */
  readonly low: number;
  /** Upper bound of the mean's 95% interval. */
  readonly high: number;
  /** Paired difference in reward from the previous stage evaluation; absent for the first evaluation. */
  readonly change?: DifferenceRecord;
  /** Accuracy of each agent's own answers, 0..1; null for an agent that sent no message. */
  readonly agents?: readonly (number | null)[];
  /** Reward of each prompt [P]; only with the option `keepRewards`. Rows for the dashboard omit it. */
  readonly rewards?: readonly number[];
}

/** Wall-clock time of one stage. A newer row of a stage replaces its older row. */
export interface ClockRow {
  readonly kind: 'clock';
  /** Number of the stage; 0 stands for the time before the first stage. */
  readonly stage: number;
  /** Start of the stage, ms: Unix time, or the monotonic clock in rows made inside the training process. */
  readonly startMs: number;
  /** End of the stage and its promotion test, ms; only in rows made inside the training process. */
  readonly endMs?: number;
  /** Time per phase, ms; `other` is the time outside of all phases. Pauses between processes do not count. */
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
  /** Number of finished parts of the phase; only in rows made inside the training process. */
  readonly done?: number;
  /** Total number of parts of the phase, if known. */
  readonly total?: number;
  /** Start of the phase, ms, measured by the clock of {@link ClockRow.startMs}. */
  readonly sinceMs: number;
  /** Number of parts that were finished at `sinceMs`, if the first progress of the phase came later than its start. */
  readonly doneBefore?: number;
}

/** Whether a process is training the run, and whether the run is complete. */
export interface StatusRow {
  readonly kind: 'status';
  readonly status: RunStatus;
  /** Error message, present if the run's files can no longer be read. */
  readonly problem?: string;
}

export type RunStatus = 'running' | 'finished' | 'stopped';

export type RunRow =
  | Exclude<RunEvent, { readonly kind: 'stage_evaluation' | 'phase' }>
  | StageEvaluationRow
  | ClockRow
  | NowRow
  | StatusRow;

/** Settings of a run, from its config.yaml and manifest.json. */
export interface RunFacts {
  readonly name: string;
  readonly task: string;
  readonly protocol: string;
  readonly algorithm: string;
  readonly seed: number;
  /** Level, 0..1, of the quantile of the per-token KL that the trust region limits, e.g. 0.99. */
  readonly quantile: number;
  /** `enforce` rejects updates whose KL exceeds the radius; `record` only records their KL. */
  readonly trustRegion: 'enforce' | 'record';
  readonly gate: 'promotion' | 'step' | 'off';
  /** Largest number of paired prompts in one acceptance test. */
  readonly gatePrompts: number;
  /** Text of config.yaml. */
  readonly config: string;
  /** Contents of manifest.json: versions of the format and of troupe, and facts about the machine. */
  readonly manifest: Readonly<Record<string, string | number>>;
}
