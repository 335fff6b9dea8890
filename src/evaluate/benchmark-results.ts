/**
 * Results of an evaluation on benchmarks.
 * @module
 */
import type { DifferenceRecord } from '../train/events.ts';
import type { BenchmarkScores } from './benchmark-scores.ts';
import type { MeasureName } from './compare.ts';

/** Scores of one benchmark, with the settings of the evaluation. */
export interface ReportedBenchmark {
  readonly name: string;
  readonly split: string;
  readonly temperature: number;
  /** Maximum number of tokens of a message. */
  readonly maxTokens: number;
  readonly scores: BenchmarkScores;
  /**
   * Differences of this team's scores minus the other team's, paired by prompt; absent without another team.
   */
  readonly differences?: readonly { readonly measure: MeasureName; readonly difference: DifferenceRecord }[];
}

export interface EvaluationReport {
  readonly title: string;
  /** Title of the other team, with which this team is compared. */
  readonly against?: string;
  readonly benchmarks: readonly ReportedBenchmark[];
}
