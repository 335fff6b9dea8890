/**
 * Data types for the results of a comparison of runs on one task.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';
import type { GroupFigures, RunFigures, StageFalls } from './compare-runs.ts';

export interface ComparedRun {
  readonly name: string;
  readonly algorithm: string;
  readonly figures: RunFigures;
  /** Numbers of stages that lowered the reward; absent if the run recorded no rewards on the test split. */
  readonly falls?: StageFalls;
}

/** Results of the runs' final teams on the same prompts of the test split, in the order of the runs. */
export interface Finals {
  /** Description of the measure, e.g. `reward on 256 test prompts after the last stage, one episode each`. */
  readonly title: string;
  /** Unit of the values: shares are printed as percentages, rewards unchanged. */
  readonly unit: 'share' | 'reward';
  readonly values: readonly Partial<AccuracyRecord>[];
  /** Difference of each run minus the first run, paired by prompt; undefined for the first run. */
  readonly differences: readonly (DifferenceRecord | undefined)[];
}

export interface ComparedGroup {
  readonly name: string;
  readonly figures: GroupFigures;
  /**
   * Difference of final rewards minus those of the first group, paired by seed. Absent for the first group,
   * and if fewer than two seeds are common to both.
   */
  readonly difference?: DifferenceRecord;
}

export interface Comparison {
  readonly task: string;
  readonly runs: readonly ComparedRun[];
  readonly finals: Finals;
  /** The runs grouped by a key of their configuration; absent without a key. */
  readonly groups?: { readonly key: string; readonly rows: readonly ComparedGroup[] };
}
