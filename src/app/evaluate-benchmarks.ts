/**
 * What `troupe eval --benchmark` does: plays every benchmark chunk by chunk into the evaluation's folder, goes
 * on with one that was stopped, and reports, alone or against another team on the same prompts.
 * @module
 */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import { fnv1a } from '../core/hash.ts';
import type { RandomStream } from '../core/rng.ts';
import { type BenchmarkScores, benchmarkScores } from '../evaluate/benchmark-scores.ts';
import { compare, type MeasureName } from '../evaluate/compare.ts';
import type { EpisodeRecord } from '../evaluate/episode-record.ts';
import { chunkSize, type EarlyStop, playBenchmark } from '../evaluate/play.ts';
import { createProgressLine, type ProgressLine, progressText } from '../observe/progress-line.ts';
import {
  type EvaluationReport,
  evaluationReportJson,
  type ReportedBenchmark,
  renderEvaluationPage,
  renderEvaluationText,
} from '../report/benchmark-report.ts';
import {
  EVALUATION_FILE,
  type EvaluationFolder,
  openEvaluation,
  readEpisodes,
  readEvaluationRequest,
  readTimings,
} from '../store/evaluation-folder.ts';
import { FORMAT } from '../store/format.ts';
import { ConfigError } from '../support/errors.ts';
import type { Team } from '../team/team.ts';
import { Interrupted } from '../train/interrupted.ts';
import { evaluationStream } from './before-after.ts';
import type { PlannedBenchmark } from './benchmark-tasks.ts';
import { type Composition, closeTeam, compose, loadTeam } from './compose.ts';
import { listenForInterrupt } from './interrupt.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';

/** A team that can be measured. */
export interface Contestant {
  readonly resolved: ResolvedConfig;
  /** What is measured, for people. */
  readonly title: string;
  /** Model folders of agent 0, 1, ...; default: those of the team file. */
  readonly folders?: readonly string[];
}

export interface BenchmarkRequest extends Contestant {
  readonly benchmarks: readonly PlannedBenchmark[];
  /** Folder of the evaluation. */
  readonly out: string;
  readonly resume: boolean;
  /** Another team, or the folder of its evaluation. */
  readonly against?: Contestant | string;
  readonly json: boolean;
  /** What was typed, for `--resume FOLDER` to type again. */
  readonly command: object;
}

const MEASURES: readonly MeasureName[] = ['avg', 'pass', 'maj'];

/** @throws TroupeError; what was finished is kept and `--resume` goes on with it */
export async function evaluateBenchmarks(request: BenchmarkRequest): Promise<void> {
  const { out, against, benchmarks, resolved, json } = request;
  const line = createProgressLine({ stream: process.stderr });
  const interruption = listenForInterrupt('stopping after what is under way');
  const context: Context = {
    line,
    signal: interruption.signal,
    seed: resolved.config.seed,
    stop: earlyStop(resolved),
    error: resolved.config.eval.early_stop_error,
  };
  try {
    const place = { out, resume: request.resume, benchmarks, command: request.command };
    const own = await measure(request, place, context);
    const other = await measureOther(request, context);
    line.close();
    const report: EvaluationReport = {
      title: request.title,
      ...(against === undefined
        ? {}
        : { against: typeof against === 'string' ? nameOf(against) : against.title }),
      benchmarks: own.map((benchmark, b) => ({ ...benchmark, ...differencesOf(benchmark, other?.[b]) })),
    };
    const written = openEvaluation(out, { request: requestOf(request, benchmarks, context), resume: true });
    try {
      written.writeFile('report.json', `${JSON.stringify(evaluationReportJson(report), null, 2)}\n`);
      written.writeFile('report.md', renderEvaluationPage(report));
    } finally {
      written.close();
    }
    process.stdout.write(
      json
        ? `${JSON.stringify(evaluationReportJson(report))}\n`
        : `${renderEvaluationText(report, timesOf(out))}\nreport        ${nameOf(join(out, 'report.md'))}\n`,
    );
  } catch (error) {
    throw interruption.signal.aborted
      ? new Interrupted(
          `interrupted; what was finished is kept; go on with: troupe eval --resume ${nameOf(out)}`,
          error,
        )
      : error;
  } finally {
    line.close();
    interruption.release();
  }
}

interface Context {
  readonly line: ProgressLine;
  readonly signal: AbortSignal;
  readonly seed: number;
  readonly stop: EarlyStop | undefined;
  /** Error of the probable rule, also where its saving is only estimated. */
  readonly error: number;
}

interface Place {
  readonly out: string;
  readonly resume: boolean;
  readonly benchmarks: readonly PlannedBenchmark[];
  readonly command?: object;
}

/** Plays what is not done yet, then scores everything from disk. */
async function measure(contestant: Contestant, place: Place, context: Context): Promise<ReportedBenchmark[]> {
  const { benchmarks, out, resume, command } = place;
  const { agents } = contestant.resolved.config;
  const request = requestOf(contestant, benchmarks, context);
  const folder = openEvaluation(out, { request, resume, ...(command === undefined ? {} : { command }) });
  let player: Player | undefined;
  try {
    for (const benchmark of benchmarks) {
      if (isDone(folder, benchmark, context.stop)) continue;
      player ??= await openPlayer(contestant);
      await play(player, { folder, benchmark, context });
    }
  } finally {
    folder.close();
    await player?.close();
  }
  return benchmarks.map((benchmark) => ({
    name: benchmark.name,
    split: benchmark.split,
    temperature: benchmark.temperature,
    maxTokens: benchmark.maxTokens,
    scores: scoresOnDisk(out, { benchmark, context, agents: agents.map(({ name }) => name) }),
  }));
}

async function measureOther(
  { against, out, resume, benchmarks }: BenchmarkRequest,
  context: Context,
): Promise<ReportedBenchmark[] | undefined> {
  if (against === undefined) return undefined;
  if (typeof against !== 'string')
    return measure(
      against,
      {
        out: join(out, 'against'),
        resume: resume || existsSync(join(out, 'against', EVALUATION_FILE)),
        benchmarks,
      },
      context,
    );
  const asked = readEvaluationRequest(against) as ReturnType<typeof requestOf>; // openEvaluation's own writer made it
  return benchmarks.map((benchmark) => {
    const theirs = asked.benchmarks.find(({ name }) => name === benchmark.name);
    const isSame =
      JSON.stringify([theirs, asked.early_stop]) ===
      JSON.stringify([identityOf(benchmark), context.stop ?? null]);
    if (!isSame)
      throw new ConfigError(
        `--against ${nameOf(against)}: expected an evaluation on the same prompts of ${benchmark.name} with the same settings, got ${theirs === undefined ? 'none of it' : 'other ones'}; name the team instead to measure it now`,
      );
    return {
      name: benchmark.name,
      split: benchmark.split,
      temperature: benchmark.temperature,
      maxTokens: benchmark.maxTokens,
      scores: scoresOnDisk(against, { benchmark, context, agents: asked.agents }),
    };
  });
}

/** A team that is loaded only if something is left to play. */
interface Player {
  readonly composition: Composition;
  readonly team: Team;
  close(): Promise<void>;
}

async function openPlayer({ resolved, folders }: Contestant): Promise<Player> {
  const composition = await compose(resolved);
  try {
    const team = await loadTeam(composition, folders ? { folders } : {});
    return {
      composition,
      team,
      close: async () => {
        await closeTeam(team);
        await composition.engine.close();
      },
    };
  } catch (error) {
    await composition.engine.close();
    throw error;
  }
}

async function play(
  { team }: Player,
  {
    folder,
    benchmark,
    context,
  }: { readonly folder: EvaluationFolder; readonly benchmark: PlannedBenchmark; readonly context: Context },
): Promise<void> {
  const { name, task, split, prompts, k, temperature, maxTokens } = benchmark;
  const { line, signal, seed, stop } = context;
  for (const text of [...(task.warnings ?? []), ...unreadablePrompts(team, task, split)])
    line.note(`warning: ${name}: ${text}`);
  let startedMs = performance.now();
  const firstMs = startedMs;
  await playBenchmark(team, task, {
    split,
    prompts,
    samples: k,
    ...(stop === undefined ? {} : { stop }),
    temperature,
    maxTokens,
    stream: streamOf(seed, benchmark),
    firstChunk: folder.chunksDone(name),
    signal,
    onProgress: (done, total) =>
      line.update(progressText(`${name}, prompts`, { done, total, elapsedMs: performance.now() - firstMs })),
    onWarning: (message) => line.note(`warning: ${message}`),
    onChunk: (chunk, records) => {
      const ms = Math.round(performance.now() - startedMs);
      const played = new Set(records.map(({ index }) => index)).size;
      folder.addChunk({ benchmark: name, chunk, prompts: played, ms }, records);
      startedMs = performance.now();
    },
  });
}

/** Whether the journal has all chunks of a benchmark. */
function isDone(
  folder: EvaluationFolder,
  { name, prompts, k }: PlannedBenchmark,
  stop: EarlyStop | undefined,
): boolean {
  return (
    folder.chunksDone(name) * chunkSize({ samples: k, ...(stop === undefined ? {} : { stop }) }) >= prompts
  );
}

function scoresOnDisk(
  dir: string,
  {
    benchmark,
    context,
    agents,
  }: { readonly benchmark: PlannedBenchmark; readonly context: Context; readonly agents: readonly string[] },
): BenchmarkScores {
  const { stop, seed } = context;
  return benchmarkScores(readEpisodes(dir, benchmark.name) as EpisodeRecord[], {
    samples: benchmark.k,
    agents,
    ...(stop === undefined ? {} : { stop }),
    error: context.error,
    stream: streamOf(seed, benchmark),
  });
}

/** The team's own task draws what plain `troupe eval` does; every benchmark has a stream of its own. */
function streamOf(seed: number, { name, identity }: PlannedBenchmark): RandomStream {
  const stream = evaluationStream(seed);
  return identity.isOwn === true ? stream : stream.child(2, fnv1a(name));
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

/** What makes two evaluations of a benchmark the same measurement. */
function identityOf({ name, split, prompts, k, temperature, maxTokens, identity }: PlannedBenchmark) {
  return { name, split, prompts, k, temperature, max_completion_length: maxTokens, ...identity };
}

function requestOf(
  { resolved, title, folders }: Contestant,
  benchmarks: readonly PlannedBenchmark[],
  { seed, stop }: Pick<Context, 'seed' | 'stop'>,
) {
  const { agents, protocol } = resolved.config;
  return {
    format: FORMAT,
    title,
    seed,
    protocol,
    agents: agents.map(({ name }) => name),
    models: folders ?? agents.map(({ model }) => model),
    instructions: agents.map(({ instruction }) => instruction ?? null),
    early_stop: stop ?? null,
    benchmarks: benchmarks.map(identityOf),
  };
}

function earlyStop({ config }: ResolvedConfig): EarlyStop | undefined {
  const { early_stop, early_stop_error } = config.eval;
  return early_stop === 'off' ? undefined : { rule: early_stop, error: early_stop_error };
}

function timesOf(dir: string): ReadonlyMap<string, number> {
  const sums = new Map<string, { ms: number; prompts: number }>();
  for (const { benchmark, ms, prompts } of readTimings(dir)) {
    const sum = sums.get(benchmark) ?? { ms: 0, prompts: 0 };
    sums.set(benchmark, { ms: sum.ms + ms, prompts: sum.prompts + prompts });
  }
  return new Map([...sums].map(([name, { ms, prompts }]) => [name, ms / Math.max(1, prompts)]));
}

function nameOf(path: string): string {
  return relative(process.cwd(), path) || '.';
}
