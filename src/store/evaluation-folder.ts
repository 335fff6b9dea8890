/**
 * The folder of an evaluation: what was asked, every episode, and a journal of what is done. A killed
 * evaluation is cut back to its journal and goes on; it ends with the same bytes as one that was never
 * stopped, `timings.jsonl` aside.
 * @module
 */
import { join, resolve } from 'node:path';
import { writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem } from '../support/file-system.ts';
import { type AppendLog, openAppendLog, readJsonLines } from './append-log.ts';
import { requireFormat } from './format.ts';
import { acquireLock, LOCK_FILE } from './lock.ts';

/** What was asked; there once the folder is an evaluation. */
export const EVALUATION_FILE = 'evaluation.json';
const JOURNAL_FILE = 'journal.jsonl';
const TIMINGS_FILE = 'timings.jsonl';
const EPISODES = 'episodes';

/** One line of the journal: a chunk of a benchmark whose episodes are all on disk. */
interface Done {
  readonly benchmark: string;
  readonly chunk: number;
  /** Length of the benchmark's file then. */
  readonly bytes: number;
}

/** One line of `timings.jsonl`. */
export interface ChunkTiming {
  readonly benchmark: string;
  readonly chunk: number;
  readonly prompts: number;
  readonly ms: number;
}

export interface EvaluationFolder {
  readonly dir: string;
  /** Whether the folder held an evaluation before. */
  readonly isResumed: boolean;
  /** Chunks of a benchmark that are done. */
  chunksDone(benchmark: string): number;
  /** Adds a chunk; it counts once this returns. @throws StoreError */
  addChunk(timing: ChunkTiming, records: readonly object[]): void;
  /** Replaces a file of the folder as one step. */
  writeFile(name: string, text: string): void;
  close(): void;
}

export interface OpenEvaluationOptions {
  /** What is asked, as JSON has it: the same bytes for the same request. */
  readonly request: object;
  /** What was typed, for whoever goes on; two requests may differ in it. */
  readonly command?: object;
  /** Go on with what is there; otherwise the folder must be new or empty. */
  readonly resume: boolean;
  readonly now?: () => Date;
  readonly fs?: FileSystem;
}

/**
 * Makes the folder, or goes on with one.
 *
 * @throws StoreError (exit code 2) if it holds something else, another request, or is in use
 */
export function openEvaluation(
  dir: string,
  { request, command, resume, now = () => new Date(), fs = diskFileSystem }: OpenEvaluationOptions,
): EvaluationFolder {
  dir = resolve(dir);
  const text = JSON.stringify(request, null, 2);
  const isThere = fs.existsSync(join(dir, EVALUATION_FILE));
  refuseOther(dir, { text, isThere, resume, fs });
  let unlock = () => {};
  try {
    fs.mkdirSync(join(dir, EPISODES), { recursive: true });
    unlock = acquireLock(dir, { now, fs });
    const about = { ...request, ...(command === undefined ? {} : { command }) };
    if (!isThere) writeFileAtomic(join(dir, EVALUATION_FILE), `${JSON.stringify(about, null, 2)}\n`, fs);
    return new DiskEvaluation({ dir, isResumed: isThere, unlock, fs });
  } catch (error) {
    unlock();
    throw error instanceof StoreError ? error : writeError(dir, error);
  }
}

function refuseOther(
  dir: string,
  {
    text,
    isThere,
    resume,
    fs,
  }: { readonly text: string; readonly isThere: boolean; readonly resume: boolean; readonly fs: FileSystem },
): void {
  const refuse = (message: string): never => {
    throw new StoreError(`${dir}: ${message}`, { code: 'TROUPE_STORE_EXISTS', exitCode: 2 });
  };
  if (isThere && !resume)
    refuse(
      'expected a new or empty folder, got an evaluation; go on with it by --resume, or choose another --out',
    );
  if (isThere && withoutCommand(readEvaluationRequest(dir, fs)) !== text)
    refuse(
      `expected the team and the benchmarks this evaluation was started with (${EVALUATION_FILE}), got others; choose another --out for them`,
    );
  if (isThere || !fs.existsSync(dir)) return;
  if (!fs.statSync(dir).isDirectory()) refuse('expected a folder, got a file');
  // what a process that was killed before it had begun leaves behind
  const beginnings = new RegExp(`^(?:${EPISODES}|${LOCK_FILE}.*|${EVALUATION_FILE}\\.tmp-.*)$`);
  if (!fs.readdirSync(dir).every((name) => beginnings.test(name)))
    refuse('expected a new or empty folder, got one with other files in it; choose another --out');
}

function withoutCommand(about: unknown): string {
  const { command: _, ...request } = about as { readonly command?: unknown }; // this module's own writer made it
  return JSON.stringify(request, null, 2);
}

interface DiskEvaluationOptions {
  readonly dir: string;
  readonly isResumed: boolean;
  readonly unlock: () => void;
  readonly fs: FileSystem;
}

class DiskEvaluation implements EvaluationFolder {
  readonly dir: string;
  readonly isResumed: boolean;
  readonly #options: DiskEvaluationOptions;
  readonly #journal: AppendLog;
  readonly #timings: AppendLog;
  readonly #done: Map<string, Done>;
  readonly #logs = new Map<string, AppendLog>();

  constructor(options: DiskEvaluationOptions) {
    const { dir, isResumed, fs } = options;
    this.dir = dir;
    this.isResumed = isResumed;
    this.#options = options;
    this.#journal = openAppendLog(join(dir, JOURNAL_FILE), { fs });
    this.#timings = openAppendLog(join(dir, TIMINGS_FILE), { fs });
    const lines = readJsonLines(join(dir, JOURNAL_FILE), fs) as Done[]; // this class's own writer made them
    this.#done = new Map(lines.map((line) => [line.benchmark, line]));
  }

  chunksDone(benchmark: string): number {
    const done = this.#done.get(benchmark);
    return done === undefined ? 0 : done.chunk + 1;
  }

  addChunk(timing: ChunkTiming, records: readonly object[]): void {
    const { benchmark, chunk } = timing;
    const log = this.#logOf(benchmark);
    log.append(records);
    log.sync();
    this.#timings.append([timing]);
    const done = { benchmark, chunk, bytes: log.lengthBytes };
    this.#journal.append([done]);
    this.#journal.sync();
    this.#done.set(benchmark, done);
  }

  writeFile(name: string, text: string): void {
    writeFileAtomic(join(this.dir, name), text, this.#options.fs);
  }

  close(): void {
    for (const log of [this.#journal, this.#timings, ...this.#logs.values()]) log.close();
    this.#logs.clear();
    this.#options.unlock();
  }

  /** Cut back to what the journal says: the rest is a chunk that was not finished. */
  #logOf(benchmark: string): AppendLog {
    let log = this.#logs.get(benchmark);
    if (log === undefined) {
      const keepBytes = this.#done.get(benchmark)?.bytes ?? 0;
      log = openAppendLog(join(this.dir, episodesFile(benchmark)), { keepBytes, fs: this.#options.fs });
      this.#logs.set(benchmark, log);
    }
    return log;
  }
}

/** Episodes of a benchmark, relative to the folder. */
export function episodesFile(benchmark: string): string {
  return join(EPISODES, `${benchmark.replaceAll(/[^\w.-]+/g, '-')}.jsonl`);
}

/** What an evaluation was asked. @throws StoreError (exit code 2) if the folder is none */
export function readEvaluationRequest(dir: string, fs: FileSystem = diskFileSystem): unknown {
  const path = join(dir, EVALUATION_FILE);
  if (!fs.existsSync(path))
    throw new StoreError(
      `${dir}: expected the folder of an evaluation (${EVALUATION_FILE}), got ${fs.existsSync(dir) ? 'one without it' : 'nothing there'}`,
      { code: 'TROUPE_STORE_NO_EVALUATION', exitCode: 2 },
    );
  const request = JSON.parse(fs.readFileSync(path, 'utf8')) as { readonly format?: unknown }; // checked here
  requireFormat(dir, 'an evaluation', request);
  return request;
}

/** Episodes of a benchmark that the journal vouches for, as they were written. */
export function readEpisodes(dir: string, benchmark: string, fs: FileSystem = diskFileSystem): unknown[] {
  return readJsonLines(join(dir, episodesFile(benchmark)), fs);
}

/** The last time each chunk took: a chunk that was interrupted is measured when it is done. */
export function readTimings(dir: string, fs: FileSystem = diskFileSystem): ChunkTiming[] {
  const rows = readJsonLines(join(dir, TIMINGS_FILE), fs) as ChunkTiming[]; // this file's own writer made them
  return [...new Map(rows.map((row) => [`${row.benchmark} ${row.chunk}`, row])).values()];
}
