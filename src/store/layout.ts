/**
 * File names of run folders.
 * @module
 */
import { join } from 'node:path';
import { checkpointName } from '../train/store-port.ts';

/** The resolved configuration, including all defaults. */
export const CONFIG_FILE = 'config.yaml';
/** Format of the folder, with the version and machine that created it. */
export const MANIFEST_FILE = 'manifest.json';
export const EVENTS_FILE = 'events.jsonl';
export const METRICS_FILE = 'metrics.jsonl';
/** All wall-clock times of the run; no other file depends on the clock. */
export const TIMINGS_FILE = 'timings.jsonl';
/**
 * Log of the calls to models outside of the training process, with their times; no decision of a run depends
 * on this file.
 */
export const MODEL_CALLS_FILE = 'model-calls.jsonl';
export const REPORT_FILE = 'report.md';
/** Pictures of the report. */
export const REPORT_PICTURES = 'report';
export const CHECKPOINTS = 'checkpoints';
export const COMPLETIONS = 'completions';

/** Transcripts of one stage, relative to the run folder. */
export function completionsFile(stage: number): string {
  return join(COMPLETIONS, `${checkpointName(stage)}.jsonl`);
}
