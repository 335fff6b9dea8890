/**
 * From the names of benchmarks to tasks that can be played: finds the files, which always are the user's
 * own, and says exactly which one is missing and where it can be had.
 * @module
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { BenchmarkEntry } from '../config/evaluation-sections.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { ConfigError } from '../support/errors.ts';
import { nearestName } from '../support/nearest.ts';
import type { Split, Task } from '../task/task.ts';
import { type Benchmark, benchmarkNames, findBenchmark } from '../tasks/benchmarks.ts';
import { composeOtherTask, composeTask } from './compose.ts';

/** One benchmark, ready to be played. */
export interface PlannedBenchmark {
  readonly name: string;
  readonly task: Task;
  readonly split: Split;
  /** Prompts to play. */
  readonly prompts: number;
  /** K. */
  readonly k: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** What names this measurement: the same on every machine with the same data. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** Flags that win over whatever a benchmark would use. */
export interface BenchmarkFlags {
  readonly k?: number;
  readonly prompts?: number;
  readonly split?: Split;
  readonly temperature?: number;
  readonly maxTokens?: number;
}

type Entry = Exclude<BenchmarkEntry, string>;

/**
 * The entries that names stand for: those of the file's `eval.benchmarks`, with their settings, else the
 * benchmarks of those names; `all` is the file's whole list.
 *
 * @throws ConfigError if `all` has nothing to stand for
 */
export function entriesOf(resolved: ResolvedConfig, names: readonly string[]): Entry[] {
  const listed = resolved.config.eval.benchmarks.map(entryOf);
  return names.flatMap((name) => {
    if (name !== 'all') return [listed.find((entry) => entry.name === name) ?? { name }];
    if (listed.length === 0)
      throw new ConfigError(
        '--benchmark all: expected benchmarks in eval.benchmarks of the team file, got none',
      );
    return listed;
  });
}

function entryOf(entry: BenchmarkEntry): Entry {
  return typeof entry === 'string' ? { name: entry } : entry;
}

/**
 * Reads the data of benchmarks and fills in the paper's settings.
 *
 * @throws ConfigError for an unknown name, a missing file or unusable data
 */
export async function planBenchmarks(
  resolved: ResolvedConfig,
  entries: readonly BenchmarkEntry[],
  flags: BenchmarkFlags = {},
): Promise<PlannedBenchmark[]> {
  const names = new Set<string>();
  const planned: PlannedBenchmark[] = [];
  for (const entry of entries.map(entryOf)) {
    if (names.has(entry.name))
      throw new ConfigError(`benchmark ${entry.name}: expected every benchmark once, got it twice`);
    names.add(entry.name);
    const plan = entry.task === undefined ? planKnown : planOwn;
    planned.push(await plan(resolved, entry, flags));
  }
  return planned;
}

/** The team's own task, on one split, as if it were a benchmark. */
export async function planOwnTask(
  resolved: ResolvedConfig,
  flags: BenchmarkFlags,
): Promise<PlannedBenchmark> {
  const { config } = resolved;
  return finish(
    { name: config.task.name, task: await composeTask(resolved), split: flags.split ?? 'test' },
    {
      k: flags.k ?? config.eval.k,
      prompts: flags.prompts ?? config.eval.prompts,
      temperature: flags.temperature ?? config.train.temperature,
      maxTokens: flags.maxTokens ?? config.train.max_completion_length,
      identity: { isOwn: true, task: config.task },
    },
  );
}

async function planOwn(
  resolved: ResolvedConfig,
  entry: Entry,
  flags: BenchmarkFlags,
): Promise<PlannedBenchmark> {
  const { config } = resolved;
  const task = await composeOtherTask(resolved, entry.task ?? {}, ['eval', 'benchmarks']);
  return finish(
    { name: entry.name, task, split: flags.split ?? entry.split ?? 'test' },
    {
      k: flags.k ?? entry.k ?? config.eval.k,
      prompts: flags.prompts ?? entry.prompts ?? config.eval.prompts,
      temperature: flags.temperature ?? entry.temperature ?? config.train.temperature,
      maxTokens: flags.maxTokens ?? entry.max_completion_length ?? config.train.max_completion_length,
      identity: { task: entry.task },
    },
  );
}

async function planKnown(
  resolved: ResolvedConfig,
  entry: Entry,
  flags: BenchmarkFlags,
): Promise<PlannedBenchmark> {
  const benchmark = findBenchmark(entry.name);
  if (benchmark === undefined) {
    const near = nearestName(entry.name, benchmarkNames);
    throw new ConfigError(
      `benchmark ${entry.name}: expected one of ${benchmarkNames.join(', ')}, got "${entry.name}"; ${near === undefined ? 'give it a task to make it one of your own' : `did you mean "${near}"?`}`,
      { code: 'TROUPE_CONFIG_BENCHMARK' },
    );
  }
  const file = benchmark.fileOption === undefined ? undefined : findData(benchmark, entry, resolved);
  const section = {
    name: benchmark.task,
    ...benchmark.options,
    ...(file === undefined || benchmark.fileOption === undefined ? {} : { [benchmark.fileOption]: file }),
  };
  const task = await composeOtherTask(resolved, section, ['eval', 'benchmarks']);
  const size = task.size('test') ?? benchmark.items;
  return finish(
    { name: entry.name, task, split: 'test' },
    {
      k: flags.k ?? entry.k ?? benchmark.k,
      prompts: flags.prompts ?? entry.prompts ?? size,
      temperature: flags.temperature ?? entry.temperature ?? benchmark.temperature,
      maxTokens: flags.maxTokens ?? entry.max_completion_length ?? benchmark.maxTokens,
      identity: {
        benchmark: entry.name,
        ...benchmark.options,
        ...(file === undefined
          ? {}
          : { sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }),
      },
    },
  );
}

function finish(
  { name, task, split }: Pick<PlannedBenchmark, 'name' | 'task' | 'split'>,
  settings: Pick<PlannedBenchmark, 'k' | 'prompts' | 'temperature' | 'maxTokens' | 'identity'>,
): PlannedBenchmark {
  const size = task.size(split) ?? Number.POSITIVE_INFINITY;
  if (size === 0)
    throw new ConfigError(`benchmark ${name}: expected prompts in the ${split} split of its task, got none`);
  return { name, task, split, ...settings, prompts: Math.min(settings.prompts, size) };
}

/** @throws ConfigError naming the file that is expected, where, and its source */
function findData(benchmark: Benchmark, { name, data }: Entry, { config }: ResolvedConfig): string {
  const shown = (path: string): string => relative(process.cwd(), path) || '.';
  const folder = config.eval.data;
  if (data !== undefined && isFile(data)) return data;
  const searched = data ?? folder;
  const places = searched === undefined ? [] : benchmark.files.map((file) => join(searched, file));
  const found = places.find(isFile);
  if (found !== undefined) return found;
  const got =
    searched === undefined
      ? 'no folder to look in'
      : !existsSync(searched)
        ? `nothing at ${shown(searched)}`
        : `none of them in ${shown(searched)}`;
  throw new ConfigError(
    `benchmark ${name}: expected its file ${benchmark.files.join(' or ')}, got ${got}; say where it is by --data FOLDER (eval.data, or data of the benchmark). It is ${benchmark.source}. troupe downloads no data`,
    { code: 'TROUPE_CONFIG_BENCHMARK_DATA' },
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
