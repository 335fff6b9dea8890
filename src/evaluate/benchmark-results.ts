/**
 * Results of an evaluation on benchmarks.
 * @module
 */
import type { DifferenceRecord } from '../train/events.ts';
import type { BenchmarkScores } from './benchmark-scores.ts';
import type { MeasureName } from './compare.ts';

/** Scores of one benchmark, with the settings behind them. */
export interface ReportedBenchmark {
  readonly name: string;
  readonly split: string;
  readonly temperature: number;
  /** Most tokens of a message. */
  readonly maxTokens: number;
  readonly scores: BenchmarkScores;
  /** This team minus the other, paired by prompt; absent without another team. */
  readonly differences?: readonly { readonly measure: MeasureName; readonly difference: DifferenceRecord }[];
}

export interface EvaluationReport {
  readonly title: string;
  /** Title of the other team. */
  readonly against?: string;
  readonly benchmarks: readonly ReportedBenchmark[];
}
