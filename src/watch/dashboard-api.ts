/**
 * The JSON types of the dashboard's HTTP API, shared by its server and its page. No Node imports, because
 * the dashboard's page bundles this file.
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
  /** If true, the client must discard all earlier rows of this run. */
  readonly restarted: boolean;
  readonly rows: readonly RunRow[];
}

/** The transcript of one episode: one line of a file in the run's `completions/` folder. */
export interface TranscriptRow {
  readonly stage: number;
  /** Agent whose update uses the episode; absent if all agents use it, or for an evaluation. */
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

/** A prompt with stored transcripts; one entry of `/api/runs/ID/prompts`. */
export interface TranscriptPrompt {
  readonly item: string;
  readonly split: 'train' | 'test';
  readonly prompt: string;
  /** Numbers of the stages that have transcripts of the prompt, ascending. */
  readonly stages: readonly number[];
}

/** Newest stage evaluation of a run; one entry of `/api/compare`. */
export interface LatestEvaluation {
  /** Id of the run. */
  readonly run: string;
  /** Mean reward and the bounds of its 95% interval; absent if the run has no stage evaluation. */
  readonly evaluation?: {
    readonly stage: number;
    readonly prompts: number;
    readonly mean: number;
    readonly low: number;
    readonly high: number;
  };
  /** Paired difference in reward from the first run; absent for the first run or if the prompts differ. */
  readonly difference?: DifferenceRecord;
}
