/**
 * Evaluates a team on benchmarks and stores every episode in a folder, so that an interrupted evaluation can
 * be resumed and then gives the same files. Optionally compares the team with another team on the same
 * prompts.
 * @module
 */
import { existsSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import type { EvaluationReport, ReportedBenchmark } from '../evaluate/benchmark-results.ts';
import { compare, type MeasureName } from '../evaluate/compare.ts';
import type { EarlyStop } from '../evaluate/play.ts';
import { evaluationReportJson, renderEvaluationPage } from '../report/benchmark-report.ts';
import { EVALUATION_FILE, readEvaluationRequest, readTimings } from '../store/evaluation-folder.ts';
import { ConfigError } from '../support/errors.ts';
import { shellPath } from '../support/shell-word.ts';
import { Interrupted } from '../train/interrupted.ts';
import {
  type BenchmarkContext,
  evaluateContestant,
  type NamedTeam,
  openContestantFolder,
  readContestant,
} from './benchmark-evaluation.ts';
import {
  type BenchmarkSettings,
  entriesOf,
  type PlannedBenchmark,
  planBenchmarks,
  planTeamTask,
} from './benchmark-tasks.ts';
import { findTeam, withTask } from './find-team.ts';
import { type UseCaseOptions, warnOnce } from './use-case.ts';

export interface BenchmarkRequest extends UseCaseOptions {
  /**
   * Run folder (the team to deploy is used), checkpoint folder in a run, path of a team file, or a team file
   * as an object.
   */
  readonly team: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** Name of a task that replaces the team's own task; it gets default options. */
  readonly task?: string | undefined;
  /** Names of benchmarks; `all` for the benchmarks of the team file. Default: the team's own task. */
  readonly benchmarks?: readonly string[] | undefined;
  /** Folder with the data files of the benchmarks. Default: `eval.data`. */
  readonly data?: string | undefined;
  /** Settings that override those of every benchmark. */
  readonly settings?: BenchmarkSettings;
  /**
   * Rule by which the sampling for a prompt stops early when its vote is decided. Default: `eval.early_stop`.
   */
  readonly earlyStop?: EarlyStop['rule'] | 'off' | undefined;
  /** Team to compare with, or the folder of its evaluation. */
  readonly against?: string | undefined;
  /**
   * Evaluation folder. Default: `evaluations/NAME` in the run folder, or in the current folder for a team
   * without a run.
   */
  readonly out?: string | undefined;
  /** Whether to resume the evaluation in `out`, which must have the same settings. */
  readonly resume?: boolean;
}

export interface BenchmarkResult {
  readonly report: EvaluationReport;
  /** Evaluation folder, which contains `report.md` and `report.json`. */
  readonly out: string;
  /** Mean time per prompt of each benchmark, ms. */
  readonly msPerPrompt: ReadonlyMap<string, number>;
}

const MEASURES: readonly MeasureName[] = ['avg', 'pass', 'maj'];

/** @throws TroupeError; the folder keeps the finished chunks of prompts, so that `resume` can continue */
export async function evaluateBenchmarks(request: BenchmarkRequest): Promise<BenchmarkResult> {
  const { signal, onEvent, env } = request;
  const options = { signal, onEvent, env };
  const team = await nameTeam(request.team, withTask(overridesOf(request), request.task));
  const benchmarks = await plannedBenchmarks(request, team.resolved);
  const other = request.against === undefined ? undefined : await findOpponent(request.against);
  const out = request.out ?? join(team.run ?? '.', 'evaluations', folderName(team.name, benchmarks));
  const context: BenchmarkContext = {
    ...options,
    onModelWarning: warnOnce(request),
    benchmarks,
    ...stopping(team.resolved),
  };
  try {
    const resume = request.resume ?? false;
    const own = await evaluateContestant(team, { out, resume, command: commandOf(request) }, context);
    const theirs = other && (await opponentScores(other, { out, resume }, context));
    const report: EvaluationReport = {
      title: team.title,
      ...(other && { against: other.title }),
      benchmarks: own.map((benchmark, b) => ({
        ...benchmark,
        ...differencesOf(benchmark, theirs?.[b]),
      })),
    };
    const folder = openContestantFolder(team, { out, resume: true }, context);
    try {
      folder.writeFile('report.json', `${JSON.stringify(evaluationReportJson(report), null, 2)}\n`);
      folder.writeFile('report.md', renderEvaluationPage(report));
    } finally {
      folder.close();
    }
    return { report, out, msPerPrompt: timesOf(out) };
  } catch (error) {
    if (!signal?.aborted) throw error;
    throw new Interrupted(
      `interrupted; what was finished is kept; go on with: troupe eval --resume ${shellPath(shownPath(out))}`,
      error,
    );
  }
}

/** Request to resume the evaluation in a folder. */
export interface ResumeBenchmarkRequest extends UseCaseOptions {
  readonly folder: string;
  /** Team to compare with; default: that of the original request. */
  readonly against?: string | undefined;
}

/**
 * Resumes an evaluation with the request that is stored in its folder.
 *
 * @throws ConfigError if the folder contains no request
 */
export function resumeBenchmarks({
  folder,
  against,
  ...options
}: ResumeBenchmarkRequest): Promise<BenchmarkResult> {
  const { command } = readEvaluationRequest(folder) as { readonly command?: StoredCommand }; // `commandOf` wrote it
  if (command === undefined)
    throw new ConfigError(
      `eval --resume ${folder}: expected an evaluation of one team, got a part of another`,
    );
  const { benchmark, task, data, earlyStop, split, ...settings } = command.flags;
  return evaluateBenchmarks({
    ...options,
    team: command.team,
    overrides: command.overrides,
    ...{ task, data, earlyStop },
    benchmarks: benchmark === undefined ? undefined : benchmarkNames(benchmark),
    settings: { ...settings, split: split === 'test' ? undefined : split },
    against: against ?? command.flags.against,
    out: folder,
    resume: true,
  });
}

/** Splits a comma-separated list of names. */
export function benchmarkNames(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** A request as stored in the evaluation folder. Its keys are the flags of `troupe eval`. */
interface StoredCommand {
  readonly team: string;
  readonly flags: BenchmarkSettings & {
    readonly benchmark?: string;
    readonly task?: string;
    readonly data?: string;
    readonly earlyStop?: NonNullable<BenchmarkRequest['earlyStop']>;
    readonly against?: string;
  };
  readonly overrides: readonly Override[];
}

/**
 * Converts a request to its stored form; undefined if the team is an object instead of a path. Paths become
 * absolute, so that the evaluation can be resumed from any folder.
 */
function commandOf(request: BenchmarkRequest): object | undefined {
  const { team, benchmarks, task, data, earlyStop, against, overrides = [] } = request;
  if (typeof team !== 'string') return undefined;
  return {
    team: resolve(team),
    flags: {
      ...request.settings,
      split: request.settings?.split ?? 'test',
      ...(benchmarks && { benchmark: benchmarks.join(',') }),
      ...{ task, earlyStop },
      ...(data === undefined ? {} : { data: resolve(data) }),
      ...(against === undefined ? {} : { against: resolve(against) }),
    },
    overrides,
  };
}

function overridesOf({ overrides = [], data, earlyStop }: BenchmarkRequest): readonly Override[] {
  return [
    ...overrides,
    ...(data === undefined ? [] : [{ flag: '--data', path: ['eval', 'data'], value: resolve(data) }]),
    ...(earlyStop === undefined
      ? []
      : [{ flag: '--early-stop', path: ['eval', 'early_stop'], value: earlyStop }]),
  ];
}

async function plannedBenchmarks(
  { benchmarks, settings = {}, onEvent, signal, env }: BenchmarkRequest,
  resolved: ResolvedConfig,
): Promise<PlannedBenchmark[]> {
  const options = { settings, onEvent, signal, env };
  return benchmarks === undefined
    ? [await planTeamTask(resolved, options)]
    : planBenchmarks(resolved, entriesOf(resolved, benchmarks), options);
}

/** A team to evaluate, with the names for its report and folder. */
interface FoundContestant extends NamedTeam {
  /** Run folder of the team; undefined if the team comes from a team file. */
  readonly run: string | undefined;
  /** First part of the name of the default evaluation folder. */
  readonly name: string;
}

async function nameTeam(
  team: string | TeamFile,
  overrides: readonly Override[] = [],
): Promise<FoundContestant> {
  const { resolved, stored } = await findTeam(team, overrides);
  const { name } = resolved.config;
  return {
    resolved,
    title: stored ? `${basename(stored.run)} ${stored.checkpoint}` : name,
    ...(stored && { folders: stored.agents, stored }),
    run: stored?.run,
    name: stored?.checkpoint ?? name,
  };
}

/**
 * The other team of a comparison: an evaluation folder with its finished evaluation, or a team that is
 * evaluated now.
 */
type Opponent =
  | { readonly title: string; readonly folder: string }
  | { readonly title: string; readonly team: FoundContestant };

async function findOpponent(against: string): Promise<Opponent> {
  if (existsSync(join(against, EVALUATION_FILE))) return { title: shownPath(against), folder: against };
  const team = await nameTeam(against);
  return { title: team.title, team };
}

async function opponentScores(
  opponent: Opponent,
  { out, resume }: { readonly out: string; readonly resume: boolean },
  context: BenchmarkContext,
): Promise<readonly ReportedBenchmark[]> {
  if ('folder' in opponent) return readContestant(opponent.folder, context);
  const folder = join(out, 'against');
  const target = { out: folder, resume: resume || existsSync(join(folder, EVALUATION_FILE)) };
  return evaluateContestant(opponent.team, target, context);
}

function stopping({ config }: ResolvedConfig): Pick<BenchmarkContext, 'seed' | 'stop' | 'error'> {
  const { early_stop: rule, early_stop_error: error } = config.eval;
  return { seed: config.seed, stop: rule === 'off' ? undefined : { rule, error }, error };
}

function differencesOf(
  own: ReportedBenchmark,
  other: ReportedBenchmark | undefined,
): Pick<ReportedBenchmark, 'differences'> {
  if (other === undefined || own.scores.prompts < 2) return {};
  return {
    differences: MEASURES.map((measure) => ({
      measure,
      difference: compare(own.scores.team, other.scores.team, measure),
    })),
  };
}

function folderName(team: string, benchmarks: readonly PlannedBenchmark[]): string {
  const [first, ...more] = benchmarks.map(({ name }) => name);
  const suite = more.length > 2 ? `${first}-and-${more.length}-more` : [first, ...more].join('-');
  return `${team}-${suite}`.replaceAll(/[^\w.-]+/g, '-');
}

function timesOf(dir: string): ReadonlyMap<string, number> {
  const sums = new Map<string, { ms: number; prompts: number }>();
  for (const { benchmark, ms, prompts } of readTimings(dir)) {
    const sum = sums.get(benchmark) ?? { ms: 0, prompts: 0 };
    sums.set(benchmark, { ms: sum.ms + ms, prompts: sum.prompts + prompts });
  }
  return new Map([...sums].map(([name, { ms, prompts }]) => [name, ms / Math.max(1, prompts)]));
}

function shownPath(path: string): string {
  return relative(process.cwd(), path) || '.';
}
