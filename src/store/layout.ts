/**
 * Names inside a run folder: the one place that knows them.
 * @module
 */
import { join } from 'node:path';
import { checkpointName } from '../train/store-port.ts';

/** The resolved configuration, every default written out. */
export const CONFIG_FILE = 'config.yaml';
/** Format of the folder, and what created it. */
export const MANIFEST_FILE = 'manifest.json';
export const EVENTS_FILE = 'events.jsonl';
export const METRICS_FILE = 'metrics.jsonl';
/** Every wall-clock time of the run, so that nothing else depends on the clock. */
export const TIMINGS_FILE = 'timings.jsonl';
/** What models with places of their own computed, and when; like the times, no part of what a run decides. */
export const WORK_FILE = 'work.jsonl';
export const REPORT_FILE = 'report.md';
/** Pictures of the report. */
export const REPORT_PICTURES = 'report';
export const CHECKPOINTS = 'checkpoints';
export const COMPLETIONS = 'completions';

/** Transcripts of one stage, relative to the run folder. */
export function completionsFile(stage: number): string {
  return join(COMPLETIONS, `${checkpointName(stage)}.jsonl`);
}
