/**
 * Results of a comparison of runs on one task.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';
import type { GroupFigures, RunFigures, StageFalls } from './compare-runs.ts';

export interface ComparedRun {
  readonly name: string;
  readonly algorithm: string;
  readonly figures: RunFigures;
  /** Absent where the run recorded no rewards on the test split. */
  readonly falls?: StageFalls;
}

/** Results of the runs' final teams on the same prompts of the test split, in the order of the runs. */
export interface Finals {
  /** Description: `reward on 256 test prompts after the last stage, one episode each`. */
  readonly title: string;
  /** Shares are printed as percentages, rewards as they are. */
  readonly unit: 'share' | 'reward';
  readonly values: readonly Partial<AccuracyRecord>[];
  /** Each run minus the first, paired by prompt; undefined for the first. */
  readonly differences: readonly (DifferenceRecord | undefined)[];
}

export interface ComparedGroup {
  readonly name: string;
  readonly figures: GroupFigures;
  /** Minus the first group, paired by seed; absent for the first group, and with fewer than two common seeds. */
  readonly difference?: DifferenceRecord;
}

export interface Comparison {
  readonly task: string;
  readonly runs: readonly ComparedRun[];
  readonly finals: Finals;
  /** The runs grouped by a key of their configuration; absent without a key. */
  readonly groups?: { readonly key: string; readonly rows: readonly ComparedGroup[] };
}
