/**
 * The JSON types of the dashboard's HTTP API, shared by its server and its page. No Node imports: the
 * dashboard's page bundles this file.
 * @module
 */

import type { RunFacts, RunRow } from '../run-view/rows.ts';
import type { DifferenceRecord } from '../train/events.ts';

/** One entry of `/api/runs`. */
export interface RunSummary {
  readonly id: string;
  readonly label: string;
  readonly dir: string;
  readonly facts: RunFacts;
}

/** One server-sent event of `/api/stream`. */
export interface StreamMessage {
  readonly run: string;
  /** The client discards all earlier rows of this run. */
  readonly restarted: boolean;
  readonly rows: readonly RunRow[];
}

/** One line of the files in `completions/`: an episode. */
export interface TranscriptRow {
  readonly stage: number;
  /** Agent that the batch was sampled for; absent for a batch of the whole stage or an evaluation. */
  readonly agent?: number;
  readonly split?: 'test';
  readonly item: string;
  readonly sample: number;
  readonly prompt: string;
  readonly messages: readonly { readonly turn: number; readonly agent: number; readonly text: string }[];
  readonly answer?: string;
  readonly correct: boolean;
  readonly reason: string;
  readonly reward: number;
}

/** A prompt that has transcripts; one entry of `/api/runs/ID/prompts`. */
export interface TranscriptPrompt {
  readonly item: string;
  readonly split: 'train' | 'test';
  readonly prompt: string;
  /** Stages with transcripts of the prompt, ascending. */
  readonly stages: readonly number[];
}

/** Newest stage evaluation of a run; one entry of `/api/compare`. */
export interface LatestEvaluation {
  /** Id of the run. */
  readonly run: string;
  /** Mean reward with its 95% interval; absent if the run has no stage evaluation. */
  readonly evaluation?: {
    readonly stage: number;
    readonly prompts: number;
    readonly mean: number;
    readonly low: number;
    readonly high: number;
  };
  /** Difference from the first run, paired by prompt; absent for the first run and if prompts differ. */
  readonly difference?: DifferenceRecord;
}
