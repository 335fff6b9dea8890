/**
 * What the dashboard's page and its server say to each other. Needs no Node, because the page imports it.
 * @module
 */

import type { RunFacts, RunRow } from '../run-view/rows.ts';
import type { DifferenceRecord } from '../train/events.ts';

/** What `/api/runs` says of a run. */
export interface RunSummary {
  readonly id: string;
  readonly label: string;
  readonly dir: string;
  readonly facts: RunFacts;
}

/** A message of `/api/stream`. */
export interface StreamMessage {
  readonly run: string;
  /** Everything said of this run before is void. */
  readonly restarted: boolean;
  readonly rows: readonly RunRow[];
}

/** A row of `completions/`. */
export interface TranscriptRow {
  readonly stage: number;
  /** The agent the batch was for; absent for a batch of the whole stage or a measurement. */
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

/** A prompt of which transcripts were kept. */
export interface KeptPrompt {
  readonly item: string;
  readonly split: 'train' | 'test';
  readonly prompt: string;
  /** Stages with transcripts of it, ascending. */
  readonly stages: readonly number[];
}

/** Where a run stands among others; what `/api/compare` says. */
export interface RunEnd {
  /** Id of the run. */
  readonly run: string;
  /** Newest stage evaluation with its 95% interval; absent where none was made. */
  readonly evaluation?: {
    readonly stage: number;
    readonly prompts: number;
    readonly mean: number;
    readonly low: number;
    readonly high: number;
  };
  /** Minus the first run's, paired by prompt; absent for the first and where prompts differ. */
  readonly difference?: DifferenceRecord;
}
