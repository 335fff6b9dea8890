/**
 * Checks the append-only files of a run up to the lengths that its newest checkpoint recorded, before the run is resumed.
 * Bytes after these lengths are cut off by the resume rule, so damage there is harmless.
 * @see train/store-port.ts for the resume rule
 * @module
 */
import { join } from 'node:path';
import { StoreError } from '../support/errors.ts';
import type { FileSystem } from '../support/file-system.ts';
import type { Checkpoint } from '../train/store-port.ts';
import { parseJsonLines } from './append-log.ts';
import type { CheckpointRecord } from './checkpoint-folder.ts';
import { COMPLETIONS, completionsFile, EVENTS_FILE, METRICS_FILE } from './layout.ts';

const LINE_FEED = 10;

/**
 * @param dir - run folder
 * @throws StoreError (exit code 2) with the file and line of the first damage, or with the file that is too short; nothing
 *   was changed
 */
export function verifyLogs(
  dir: string,
  checkpoint: Pick<Checkpoint, 'name' | 'stage' | 'path'>,
  { lengths, fs }: { readonly lengths: CheckpointRecord['lengths']; readonly fs: FileSystem },
): void {
  const check = (name: string, length: number): void =>
    verifyLog(join(dir, name), length, { checkpoint, fs });
  check(EVENTS_FILE, lengths.events);
  check(METRICS_FILE, lengths.metrics);
  // transcripts that a user deleted are not missed
  for (const stage of transcribedStages(dir, fs)) {
    const name = completionsFile(stage);
    if (stage < checkpoint.stage) check(name, fs.statSync(join(dir, name)).size);
    else if (stage === checkpoint.stage) check(name, lengths.completions);
  }
}

/** Returns the stages with a file of transcripts. */
function transcribedStages(dir: string, fs: FileSystem): number[] {
  const folder = join(dir, COMPLETIONS);
  if (!fs.existsSync(folder)) return [];
  return fs.readdirSync(folder).flatMap((name) => {
    const [, stage] = /^stage-(\d+)\.jsonl$/.exec(name) ?? [];
    return stage === undefined ? [] : [Number(stage)];
  });
}

function verifyLog(
  path: string,
  length: number,
  { checkpoint, fs }: { readonly checkpoint: Pick<Checkpoint, 'name' | 'path'>; readonly fs: FileSystem },
): void {
  if (length === 0) return;
  const remedy = `restore the file from a backup, or start a new run with the agent folders of ${checkpoint.path}`;
  const all = fs.existsSync(path) ? fs.readFileSync(path) : Buffer.alloc(0);
  if (all.length < length)
    throw new StoreError(
      `${path}: expected at least the ${length} bytes that ${checkpoint.name} recorded, got ${all.length}; another program truncated the file; ${remedy}`,
      { code: 'TROUPE_STORE_SHORT', exitCode: 2 },
    );
  const bytes = all.subarray(0, length);
  // a zeroed line feed joins two lines; without an added one the last line would count as incomplete
  const lines = bytes.at(-1) === LINE_FEED ? bytes : Buffer.concat([bytes, Buffer.of(LINE_FEED)]);
  parseJsonLines(lines, {
    path,
    advice: `the file was damaged before the end of ${checkpoint.name}, so the run cannot be resumed; ${remedy}`,
  });
}
