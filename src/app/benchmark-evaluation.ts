/**
 * Evaluates one team on benchmarks, chunk by chunk (a chunk is a group of prompts), stores the episodes in an
 * evaluation folder, and computes the scores from that folder.
 * @module
 */
import { relative } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import { fnv1a } from '../core/hash.ts';
import type { RandomStream } from '../core/rng.ts';
import type { ReportedBenchmark } from '../evaluate/benchmark-results.ts';
import { type BenchmarkScores, benchmarkScores } from '../evaluate/benchmark-scores.ts';
import type { EpisodeRecord } from '../evaluate/episode-record.ts';
import { chunkSize, type EarlyStop, playBenchmark } from '../evaluate/play.ts';
import {
  type EvaluationFolder,
  openEvaluation,
  readEpisodes,
  readEvaluationRequest,
} from '../store/evaluation-folder.ts';
import { FORMAT } from '../store/format.ts';
import type { StoredTeam } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import type { Team } from '../team/team.ts';
import type { PlannedBenchmark } from './benchmark-tasks.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { chatSettings, closeTeam, compose, loadTeam } from './compose.ts';
import { evaluationStream } from './evaluation-stream.ts';
import { warnIfNotNewest } from './find-team.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';
import type { UseCaseOptions } from './use-case.ts';

/** A team to evaluate. */
export interface NamedTeam {
  readonly resolved: ResolvedConfig;
  /** Title of its report. */
  readonly title: string;
  /** Model folders of agent 0, 1, ...; default: the models that the team file names. */
  readonly folders?: readonly string[];
  /** The checkpoint, if the team comes from a run. */
  readonly stored?: StoredTeam;
}

/** Settings that all teams of a comparison share. */
export interface BenchmarkContext extends UseCaseOptions {
  /** Receives the warnings about model files; the teams can share a base model. */
  readonly onModelWarning: (message: string) => void;
  readonly benchmarks: readonly PlannedBenchmark[];
  readonly seed: number;
  readonly stop: EarlyStop | undefined;
  /**
   * Error probability of the early stopping rule `probable`; also used to estimate the saving if another rule
   * is set.
   */
  readonly error: number;
}

/** The evaluation folder of one team. */
export interface EvaluationTarget {
  readonly out: string;
  /** Whether to resume the evaluation that the folder contains. */
  readonly resume: boolean;
  /** The user's request, which is stored in the folder so that `--resume` can repeat it. */
  readonly command?: object | undefined;
}

/** Runs the episodes that the folder lacks, then computes the scores from all episodes in the folder. */
export async function evaluateContestant(
  team: NamedTeam,
  target: EvaluationTarget,
  context: BenchmarkContext,
): Promise<ReportedBenchmark[]> {
  const folder = openContestantFolder(team, target, context);
  let loaded: LoadedTeam | undefined;
  try {
    for (const benchmark of context.benchmarks) {
      if (isDone(folder, benchmark, context.stop)) continue;
      loaded ??= await load(team, context);
      await play(loaded.team, { folder, benchmark }, context);
    }
  } finally {
    folder.close();
    await loaded?.close();
  }
  const agents = team.resolved.config.agents.map(({ name }) => name);
  return context.benchmarks.map((benchmark) => scoredBenchmark(target.out, { benchmark, agents }, context));
}

/**
 * Opens the evaluation folder of a team, or creates it.
 *
 * @throws StoreError if the folder has other content or another evaluation, or another process uses it
 */
export function openContestantFolder(
  team: NamedTeam,
  { out, resume, command }: EvaluationTarget,
  context: BenchmarkContext,
): EvaluationFolder {
  const request = requestOf(team, context);
  return openEvaluation(out, { request, resume, ...(command === undefined ? {} : { command }) });
}

/**
 * Reads the scores of another evaluation folder, to compare with.
 *
 * @throws ConfigError if that evaluation used other prompts or settings
 */
export function readContestant(dir: string, context: BenchmarkContext): ReportedBenchmark[] {
  const stored = readEvaluationRequest(dir) as ReturnType<typeof requestOf>; // `requestOf` wrote it
  return context.benchmarks.map((benchmark) => {
    const theirs = stored.benchmarks.find(({ name }) => name === benchmark.name);
    const isSame =
      JSON.stringify([theirs, stored.early_stop]) ===
      JSON.stringify([identityOf(benchmark), context.stop ?? null]);
    if (!isSame)
      throw new ConfigError(
        `--against ${relative(process.cwd(), dir) || '.'}: expected an evaluation on the same prompts of ${benchmark.name} with the same settings, got ${theirs === undefined ? 'none of it' : 'other ones'}; name the team instead to measure it now`,
      );
    return scoredBenchmark(dir, { benchmark, agents: stored.agents }, context);
  });
}

interface LoadedTeam {
  readonly team: Team;
  close(): Promise<void>;
}

async function load(
  { resolved, folders, stored }: NamedTeam,
  { signal, onEvent, env, onModelWarning: onWarning }: BenchmarkContext,
): Promise<LoadedTeam> {
  const composition = await compose(resolved, { signal, onEvent, env, onWarning });
  try {
    const team = await loadTeam(composition, { folders });
    warnIfNotNewest(stored, { onEvent });
    return {
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
  team: Team,
  { folder, benchmark }: { readonly folder: EvaluationFolder; readonly benchmark: PlannedBenchmark },
  { onEvent, signal, seed, stop }: BenchmarkContext,
): Promise<void> {
  const { name, task, split, prompts, k, temperature, maxTokens, truncated } = benchmark;
  const warn = (message: string): void => onEvent?.({ kind: 'warning', message });
  for (const text of [...(task.warnings ?? []), ...unreadablePrompts(team, task, split)])
    warn(`${name}: ${text}`);
  const startedMs = performance.now();
  let chunkMs = startedMs;
  await playBenchmark(team, task, {
    ...{ split, prompts, samples: k, temperature, maxTokens, truncated },
    ...(stop === undefined ? {} : { stop }),
    stream: streamOf(seed, benchmark),
    firstChunk: folder.chunksDone(name),
    ...(signal && { signal }),
    onProgress: (done, total) =>
      onEvent?.({
        kind: 'progress',
        label: `${name}, prompts`,
        done,
        total,
        elapsedMs: performance.now() - startedMs,
      }),
    onWarning: warn,
    onChunk: (chunk, records) => {
      const ms = Math.round(performance.now() - chunkMs);
      const played = new Set(records.map(({ index }) => index)).size;
      folder.addChunk({ benchmark: name, chunk, prompts: played, ms }, records);
      chunkMs = performance.now();
    },
  });
}

/** Returns whether the folder has the episodes of all chunks (groups of prompts) of a benchmark. */
function isDone(
  folder: EvaluationFolder,
  { name, prompts, k }: PlannedBenchmark,
  stop: EarlyStop | undefined,
): boolean {
  const size = chunkSize({ samples: k, ...(stop === undefined ? {} : { stop }) });
  return folder.chunksDone(name) * size >= prompts;
}

function scoredBenchmark(
  dir: string,
  { benchmark, agents }: { readonly benchmark: PlannedBenchmark; readonly agents: readonly string[] },
  { stop, seed, error }: BenchmarkContext,
): ReportedBenchmark {
  const { name, split, temperature, maxTokens, k } = benchmark;
  const episodes = readEpisodes(dir, name) as EpisodeRecord[]; // `play` wrote them
  const scores: BenchmarkScores = benchmarkScores(episodes, {
    samples: k,
    agents,
    ...(stop === undefined ? {} : { stop }),
    error,
    stream: streamOf(seed, benchmark),
  });
  return { name, split, temperature, maxTokens, scores };
}

/** Random stream of a benchmark. The team's own task uses the stream of `troupe eval` without benchmarks. */
function streamOf(seed: number, { name, identity }: PlannedBenchmark): RandomStream {
  const stream = evaluationStream(seed);
  return identity.isOwn === true ? stream : stream.child(2, fnv1a(name));
}

/**
 * Settings that determine the episodes of a benchmark. Scores are comparable only if these settings are
 * equal. `judge` and `mask` differ in training only. They are absent, because evaluations of versions without
 * the setting judged cut-off messages, and can so be resumed and compared with.
 */
export function identityOf({ maxTokens, truncated, identity, ...benchmark }: PlannedBenchmark) {
  const { name, split, prompts, k, temperature } = benchmark;
  return {
    ...{ name, split, prompts, k, temperature },
    max_completion_length: maxTokens,
    ...(truncated === 'wrong' && { truncated }),
    ...identity,
  };
}

function requestOf({ resolved, title, folders }: NamedTeam, { seed, stop, benchmarks }: BenchmarkContext) {
  const { config } = readTemplates(resolved);
  const { agents, protocol } = config;
  const templates = agents.map((_, id) => chatSettings(config, id).chatTemplate ?? null);
  return {
    format: FORMAT,
    title,
    seed,
    protocol,
    agents: agents.map(({ name }) => name),
    models: folders ?? agents.map(({ model }) => model),
    instructions: agents.map(({ instruction }) => instruction ?? null),
    ...(agents.some(({ examples }) => examples) && {
      examples: agents.map(({ examples }) => examples ?? null),
    }),
    // absent without the setting, so that evaluations of earlier versions can be resumed
    ...(templates.some((template) => template !== null) && { chat_templates: templates }),
    early_stop: stop ?? null,
    benchmarks: benchmarks.map(identityOf),
  };
}
