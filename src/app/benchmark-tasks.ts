/**
 * Resolves names of benchmarks to tasks with settings. Users download the data files themselves. If a file is
 * missing, the error names the file, the folder where it is expected, and its source.
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
import type { TruncatedRule } from '../team/cut-off.ts';
import { composeOtherTask, composeTask } from './compose/task.ts';
import type { DownloadOptions } from './hub-models.ts';

/** A benchmark with its task and settings. */
export interface PlannedBenchmark {
  readonly name: string;
  readonly task: Task;
  readonly split: Split;
  /** Number of prompts. */
  readonly prompts: number;
  /** K: samples per prompt. */
  readonly k: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Treatment of messages that were cut off: that of the team's training. */
  readonly truncated: TruncatedRule;
  /** Properties of the task that determine its prompts; equal on every machine with the same data. */
  readonly identity: Readonly<Record<string, unknown>>;
}

/** Settings that override those of every benchmark. */
export interface BenchmarkSettings {
  readonly k?: number | undefined;
  readonly prompts?: number | undefined;
  readonly split?: Split | undefined;
  readonly temperature?: number | undefined;
  readonly maxTokens?: number | undefined;
}

export interface PlanOptions extends DownloadOptions {
  readonly settings?: BenchmarkSettings;
}

type Entry = Exclude<BenchmarkEntry, string>;

/**
 * Resolves names to benchmark entries. A name that `eval.benchmarks` of the team file contains has the
 * settings given there; `all` resolves to the whole list `eval.benchmarks`.
 *
 * @throws ConfigError for `all` if the list is empty
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
 * Reads the data of benchmarks. Settings that neither the caller nor the team file sets are those of the
 * benchmark's paper.
 *
 * @throws ConfigError for an unknown name, a missing file or unusable data
 */
export async function planBenchmarks(
  resolved: ResolvedConfig,
  entries: readonly BenchmarkEntry[],
  options: PlanOptions = {},
): Promise<PlannedBenchmark[]> {
  const names = new Set<string>();
  const planned: PlannedBenchmark[] = [];
  for (const entry of entries.map(entryOf)) {
    if (names.has(entry.name))
      throw new ConfigError(`benchmark ${entry.name}: expected every benchmark once, got it twice`);
    names.add(entry.name);
    const plan = entry.task === undefined ? planKnown : planOwn;
    planned.push(await plan(resolved, entry, options));
  }
  return planned;
}

/** Treats one split of the team's own task as a benchmark. */
export async function planTeamTask(
  resolved: ResolvedConfig,
  { settings = {}, ...options }: PlanOptions = {},
): Promise<PlannedBenchmark> {
  const { config } = resolved;
  return finish(
    {
      name: config.task.name,
      task: await composeTask(resolved, options),
      split: settings.split ?? 'test',
    },
    {
      k: settings.k ?? config.eval.k,
      prompts: settings.prompts ?? config.eval.prompts,
      temperature: settings.temperature ?? config.train.temperature,
      maxTokens: settings.maxTokens ?? config.train.max_completion_length,
      truncated: config.train.truncated,
      identity: { isOwn: true, task: config.task },
    },
  );
}

/** Creates a custom benchmark: an entry of `eval.benchmarks` with a task section. */
async function planOwn(
  resolved: ResolvedConfig,
  entry: Entry,
  { settings = {}, ...options }: PlanOptions,
): Promise<PlannedBenchmark> {
  const { config } = resolved;
  const other = { section: entry.task ?? {}, path: ['eval', 'benchmarks'] };
  const task = await composeOtherTask(resolved, other, options);
  return finish(
    { name: entry.name, task, split: settings.split ?? entry.split ?? 'test' },
    {
      k: settings.k ?? entry.k ?? config.eval.k,
      prompts: settings.prompts ?? entry.prompts ?? config.eval.prompts,
      temperature: settings.temperature ?? entry.temperature ?? config.train.temperature,
      maxTokens: settings.maxTokens ?? entry.max_completion_length ?? config.train.max_completion_length,
      truncated: config.train.truncated,
      identity: { task: entry.task },
    },
  );
}

async function planKnown(
  resolved: ResolvedConfig,
  entry: Entry,
  { settings = {}, ...options }: PlanOptions,
): Promise<PlannedBenchmark> {
  const benchmark = requireBenchmark(entry.name);
  const file = benchmark.fileOption === undefined ? undefined : findData(benchmark, entry, resolved);
  const section = {
    name: benchmark.task,
    ...benchmark.options,
    ...(file === undefined || benchmark.fileOption === undefined ? {} : { [benchmark.fileOption]: file }),
  };
  const task = await composeOtherTask(resolved, { section, path: ['eval', 'benchmarks'] }, options);
  const size = task.size('test') ?? benchmark.items;
  return finish(
    { name: entry.name, task, split: 'test' },
    {
      k: settings.k ?? entry.k ?? benchmark.k,
      prompts: settings.prompts ?? entry.prompts ?? size,
      temperature: settings.temperature ?? entry.temperature ?? benchmark.temperature,
      maxTokens: settings.maxTokens ?? entry.max_completion_length ?? benchmark.maxTokens,
      truncated: resolved.config.train.truncated,
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

/** @throws ConfigError for an unknown name, with the most similar known name */
function requireBenchmark(name: string): Benchmark {
  const benchmark = findBenchmark(name);
  if (benchmark !== undefined) return benchmark;
  const near = nearestName(name, benchmarkNames);
  throw new ConfigError(
    `benchmark ${name}: expected one of ${benchmarkNames.join(', ')}, got "${name}"; ${near === undefined ? 'add a task section to define a benchmark of your own' : `did you mean "${near}"?`}`,
    { code: 'TROUPE_CONFIG_BENCHMARK' },
  );
}

function finish(
  { name, task, split }: Pick<PlannedBenchmark, 'name' | 'task' | 'split'>,
  settings: Pick<PlannedBenchmark, 'k' | 'prompts' | 'temperature' | 'maxTokens' | 'truncated' | 'identity'>,
): PlannedBenchmark {
  const size = task.size(split) ?? Number.POSITIVE_INFINITY;
  if (size === 0)
    throw new ConfigError(`benchmark ${name}: expected prompts in the ${split} split of its task, got none`);
  return { name, task, split, ...settings, prompts: Math.min(settings.prompts, size) };
}

/**
 * @returns path of the benchmark's data
 * @throws ConfigError with the name of the missing file, the folder where it is expected, and its source
 */
function findData(benchmark: Benchmark, { name, data }: Entry, { config }: ResolvedConfig): string {
  const shown = (path: string): string => relative(process.cwd(), path) || '.';
  if (data !== undefined && isFile(data)) return data;
  const folder = data ?? config.eval.data;
  const candidates = folder === undefined ? [] : benchmark.files.map((file) => join(folder, file));
  const found = candidates.find(isFile);
  if (found !== undefined) return found;
  const got =
    folder === undefined
      ? 'no folder to look in'
      : !existsSync(folder)
        ? `nothing at ${shown(folder)}`
        : `none of them in ${shown(folder)}`;
  throw new ConfigError(
    `benchmark ${name}: expected its file ${benchmark.files.join(' or ')}, got ${got}; name its folder with --data FOLDER (eval.data, or data of the benchmark). The file is ${benchmark.source}. troupe downloads no data`,
    { code: 'TROUPE_CONFIG_BENCHMARK_DATA' },
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
