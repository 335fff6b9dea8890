/**
 * Reads and writes the folder of an evaluation: its request, all episodes, and a journal of completed chunks.
 * When an evaluation is resumed, its files are truncated to the chunks in the journal. It then ends with the
 * same bytes as an uninterrupted one, except for `timings.jsonl`.
 * @module
 */
import { join, resolve } from 'node:path';
import { writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { diskFileSystem, type FileSystem } from '../support/file-system.ts';
import { type AppendLog, openAppendLog, readIntactJsonLines, readJsonLines } from './append-log.ts';
import { parseStoredObject, requireFormat } from './format.ts';
import { acquireLock, LOCK_FILE } from './lock.ts';

/** Name of the file with the request; a folder that contains it is an evaluation. */
export const EVALUATION_FILE = 'evaluation.json';
const JOURNAL_FILE = 'journal.jsonl';
const TIMINGS_FILE = 'timings.jsonl';
const EPISODES = 'episodes';

/** One line of the journal: a chunk (group of prompts) of a benchmark whose episodes are all on disk. */
interface JournalEntry {
  readonly benchmark: string;
  readonly chunk: number;
  /** Length of the benchmark's file of episodes after the chunk, bytes. */
  readonly bytes: number;
}

/** One line of `timings.jsonl`: the duration of a chunk. */
export interface ChunkTiming {
  readonly benchmark: string;
  readonly chunk: number;
  readonly prompts: number;
  readonly ms: number;
}

export interface EvaluationFolder {
  readonly dir: string;
  /** Whether the folder already contained an evaluation. */
  readonly isResumed: boolean;
  /** Returns the number of completed chunks (groups of prompts) of a benchmark. */
  chunksDone(benchmark: string): number;
  /**
   * Adds the episodes of a completed chunk and flushes them to disk.
   *
   * @throws StoreError if writing fails
   */
  addChunk(timing: ChunkTiming, records: readonly object[]): void;
  /** Atomically replaces a file of the folder. */
  writeFile(name: string, text: string): void;
  close(): void;
}

export interface OpenEvaluationOptions {
  /** JSON value of the request; equal requests must serialize to equal bytes. */
  readonly request: object;
  /**
   * Command-line arguments, stored so that `--resume` can repeat them; not compared with those of the
   * existing evaluation.
   */
  readonly command?: object;
  /** True: an existing evaluation is resumed. False: the folder must be new or empty. */
  readonly resume: boolean;
  readonly now?: () => Date;
  readonly fs?: FileSystem;
}

/**
 * Creates the folder of an evaluation, or resumes one.
 *
 * @throws StoreError (exit code 2) if the folder has other files or another request, or is locked
 */
export function openEvaluation(
  dir: string,
  { request, command, resume, now = () => new Date(), fs = diskFileSystem }: OpenEvaluationOptions,
): EvaluationFolder {
  dir = resolve(dir);
  const text = JSON.stringify(request, null, 2);
  const exists = fs.existsSync(join(dir, EVALUATION_FILE));
  rejectOther(dir, { text, exists, resume, fs });
  let unlock = () => {};
  try {
    fs.mkdirSync(join(dir, EPISODES), { recursive: true });
    unlock = acquireLock(dir, { now, fs });
    const about = { ...request, ...(command === undefined ? {} : { command }) };
    if (!exists) writeFileAtomic(join(dir, EVALUATION_FILE), `${JSON.stringify(about, null, 2)}\n`, fs);
    return new DiskEvaluation({ dir, isResumed: exists, unlock, fs });
  } catch (error) {
    unlock();
    throw error instanceof StoreError ? error : writeError(dir, error);
  }
}

function rejectOther(
  dir: string,
  {
    text,
    exists,
    resume,
    fs,
  }: { readonly text: string; readonly exists: boolean; readonly resume: boolean; readonly fs: FileSystem },
): void {
  const reject = (message: string): never => {
    throw new StoreError(`${dir}: ${message}`, { code: 'TROUPE_STORE_EXISTS', exitCode: 2 });
  };
  if (exists && !resume)
    reject(
      'expected a new or empty folder, got an evaluation; resume it with --resume, or choose another --out',
    );
  if (exists && withoutCommand(readEvaluationRequest(dir, fs)) !== text)
    reject(
      `expected the team and the benchmarks of this evaluation (${EVALUATION_FILE}), got others; choose another --out for them`,
    );
  if (exists || !fs.existsSync(dir)) return;
  if (!fs.statSync(dir).isDirectory()) reject('expected a folder, got a file');
  // names of files that a process leaves behind if it is killed before it wrote the request
  const incomplete = new RegExp(`^(?:${EPISODES}|${LOCK_FILE}.*|${EVALUATION_FILE}\\.tmp-.*)$`);
  if (!fs.readdirSync(dir).every((name) => incomplete.test(name)))
    reject('expected a new or empty folder, got one with other files in it; choose another --out');
}

function withoutCommand(about: unknown): string {
  const { command: _, ...request } = about as { readonly command?: unknown }; // written by this module
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
  readonly #done: Map<string, JournalEntry>;
  readonly #logs = new Map<string, AppendLog>();

  constructor(options: DiskEvaluationOptions) {
    const { dir, isResumed, fs } = options;
    this.dir = dir;
    this.isResumed = isResumed;
    this.#options = options;
    this.#journal = openAppendLog(join(dir, JOURNAL_FILE), { fs });
    this.#timings = openAppendLog(join(dir, TIMINGS_FILE), { fs });
    const lines = readJsonLines(join(dir, JOURNAL_FILE), fs) as JournalEntry[]; // written by this class
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

  /** Opens the file of a benchmark's episodes and truncates it to the completed chunks. */
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

/** Returns the path of the file with a benchmark's episodes, relative to the folder. */
export function episodesFile(benchmark: string): string {
  return join(EPISODES, `${benchmark.replaceAll(/[^\w.-]+/g, '-')}.jsonl`);
}

/**
 * Reads the request of an evaluation.
 *
 * @throws StoreError (exit code 2) if the folder is not an evaluation
 */
export function readEvaluationRequest(dir: string, fs: FileSystem = diskFileSystem): unknown {
  const path = join(dir, EVALUATION_FILE);
  if (!fs.existsSync(path))
    throw new StoreError(
      `${dir}: expected the folder of an evaluation (${EVALUATION_FILE}), got ${fs.existsSync(dir) ? 'one without it' : 'nothing there'}`,
      { code: 'TROUPE_STORE_NO_EVALUATION', exitCode: 2 },
    );
  const request = parseStoredObject(
    fs.readFileSync(path, 'utf8'),
    () =>
      new StoreError(`${path}: expected a JSON object, got something else; start the evaluation again`, {
        code: 'TROUPE_STORE_JSON',
        exitCode: 2,
      }),
  );
  requireFormat(dir, 'an evaluation', request);
  return request;
}

/** Reads the stored episodes of a benchmark. */
export function readEpisodes(dir: string, benchmark: string, fs: FileSystem = diskFileSystem): unknown[] {
  return readJsonLines(join(dir, episodesFile(benchmark)), fs);
}

/** Reads the durations of the completed chunks. If a chunk was repeated, its last duration counts. */
export function readTimings(dir: string, fs: FileSystem = diskFileSystem): ChunkTiming[] {
  const rows = readIntactJsonLines(join(dir, TIMINGS_FILE), fs) as ChunkTiming[]; // written by this module
  return [...new Map(rows.map((row) => [`${row.benchmark} ${row.chunk}`, row])).values()];
}
