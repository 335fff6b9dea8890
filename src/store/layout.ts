/**
 * Names of the files and folders in a run folder.
 * @module
 */
import { join } from 'node:path';
import { checkpointName } from '../train/store-port.ts';

/** The configuration of the run with all defaults filled in. */
export const CONFIG_FILE = 'config.yaml';
/** Version of the folder's format, and the version of troupe and the machine that created it. */
export const MANIFEST_FILE = 'manifest.json';
export const EVENTS_FILE = 'events.jsonl';
export const METRICS_FILE = 'metrics.jsonl';
/** All wall-clock times of the run; no other file depends on the clock. */
export const TIMINGS_FILE = 'timings.jsonl';
/**
 * Calls on models outside of the training process, with their times. No decision of a run depends on this
 * file.
 */
export const MODEL_CALLS_FILE = 'model-calls.jsonl';
export const REPORT_FILE = 'report.md';
/** Folder with the pictures of the report. */
export const REPORT_PICTURES = 'report';
export const CHECKPOINTS = 'checkpoints';
export const COMPLETIONS = 'completions';

/** Returns the path of the transcripts of one stage, relative to the run folder. */
export function completionsFile(stage: number): string {
  return join(COMPLETIONS, `${checkpointName(stage)}.jsonl`);
}
