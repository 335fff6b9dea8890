/**
 * What `troupe compare` does: reads runs, measures their teams where they did not measure themselves, and
 * joins it all.
 * @module
 */
import { join, relative } from 'node:path';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { compare } from '../evaluate/compare.ts';
import {
  finalReward,
  groupFigures,
  pairedChange,
  type RunFigures,
  runFigures,
  stageFalls,
} from '../evaluate/compare-runs.ts';
import { evaluateTeam, type TeamEvaluation } from '../evaluate/evaluate.ts';
import type { ComparedGroup, Comparison, Finals } from '../report/comparison-report.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readEvents, readRunConfig } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import { evaluationStream } from './before-after.ts';
import { closeTeam, compose, loadTeam } from './compose.ts';

/** A run as it lies on disk. */
export interface RecordedRun {
  readonly dir: string;
  readonly name: string;
  readonly resolved: ResolvedConfig;
  readonly figures: RunFigures;
}

/** @throws StoreError if the folder is no run */
export function readRun(dir: string): RecordedRun {
  readRunConfig(dir); // refuses what is no run folder, before its configuration is looked for
  return {
    dir,
    name: relative(process.cwd(), dir) || '.',
    resolved: resolveConfig(join(dir, CONFIG_FILE)),
    figures: runFigures(foldEvents(readEvents(dir), { keepRewards: true })),
  };
}

export interface ComparisonRequest {
  /** At least two, on one task. */
  readonly runs: readonly RecordedRun[];
  /** Measure the teams now, whatever the runs recorded. */
  readonly evaluate: boolean;
  /** Test prompts and samples of a measurement now; default: those of the first run's file. */
  readonly prompts?: number;
  readonly samples?: number;
  /** Dotted key of the configuration to group by. */
  readonly group?: string;
  readonly signal: AbortSignal;
  readonly onProgress: (run: string, done: number, total: number) => void;
}

/** @throws ConfigError if the runs cannot be compared, or not grouped like this */
export async function compareRuns(request: ComparisonRequest): Promise<Comparison> {
  const { runs, group } = request;
  requireOneTask(runs);
  const isRecorded = runs.every(({ figures }) => figures.testRewards.length > 0) && samePrompts(runs);
  if (group !== undefined && !isRecorded)
    throw new ConfigError(
      '--group: expected runs that all recorded rewards on as many test prompts, got some that did not; set eval.stage_prompts in their files',
    );
  return {
    task: runs[0]?.resolved.config.task.name ?? '',
    runs: runs.map(({ name, resolved, figures }) => ({
      name,
      algorithm: resolved.config.algorithm,
      figures,
      ...(figures.testRewards.length > 1 && { falls: stageFalls(figures.testRewards) }),
    })),
    finals: isRecorded && !request.evaluate ? recordedFinals(runs) : await measuredFinals(request),
    ...(group !== undefined && { groups: { key: group, rows: groupRuns(runs, group) } }),
  };
}

function requireOneTask(runs: readonly RecordedRun[]): void {
  const [first] = runs;
  if (first === undefined || runs.length < 2)
    throw new ConfigError(`compare: expected at least two runs, got ${runs.length}`);
  const task = JSON.stringify(first.resolved.config.task);
  for (const { name, resolved } of runs) {
    const other = JSON.stringify(resolved.config.task);
    if (other !== task)
      throw new ConfigError(
        `${name}: expected the task of ${first.name}, ${task}, got ${other}; only runs on the same prompts can be compared`,
      );
  }
}

function samePrompts(runs: readonly RecordedRun[]): boolean {
  const sizes = runs.flatMap(({ figures }) => figures.testRewards.map((rewards) => rewards.length));
  return new Set(sizes).size === 1;
}

/** The last measurement that each run made of itself. */
function recordedFinals(runs: readonly RecordedRun[]): Finals {
  const last = runs.map(({ figures }) => figures.testRewards.at(-1) ?? []);
  const base = last[0] ?? [];
  return {
    title: `reward on ${base.length} test prompts after the last stage, one episode each`,
    unit: 'reward',
    values: runs.map(({ figures }) => ({ mean: finalReward(figures.testRewards) })),
    differences: last.map((rewards, k) => (k === 0 ? undefined : pairedChange(rewards, base))),
  };
}

/** The team that each run would deploy, measured now on the same prompts with like streams. */
async function measuredFinals(request: ComparisonRequest): Promise<Finals> {
  const evaluations: TeamEvaluation[] = [];
  for (const run of request.runs) evaluations.push(await measure(run, request));
  const [base] = evaluations as [TeamEvaluation, ...TeamEvaluation[]]; // requireOneTask saw two runs
  return {
    title: `correct answers on ${base.prompts} test prompts x ${base.samples} samples, by the team to use`,
    unit: 'share',
    values: evaluations.map(({ team: { avg } }) => ({ mean: avg.mean, low: avg.low, high: avg.high })),
    differences: evaluations.map(({ team }, k) => (k === 0 ? undefined : compare(team, base.team, 'avg'))),
  };
}

async function measure(run: RecordedRun, request: ComparisonRequest): Promise<TeamEvaluation> {
  const first = (request.runs[0] as RecordedRun).resolved.config;
  const stored = await findStoredTeam(run.dir);
  const composition = await compose(run.resolved);
  const { config, engine, task } = composition;
  const team = await loadTeam(composition, stored ? { folders: stored.agents } : {});
  try {
    return await evaluateTeam(team, task, {
      label: run.name,
      split: 'test',
      prompts: request.prompts ?? first.eval.prompts,
      samples: request.samples ?? first.eval.k,
      temperature: config.train.temperature,
      maxTokens: config.train.max_completion_length,
      stream: evaluationStream(first.seed), // one name for all: differences are paired twice
      signal: request.signal,
      onProgress: (done, total) => request.onProgress(run.name, done, total),
    });
  } finally {
    await closeTeam(team);
    await engine.close();
  }
}

/** Groups in order of first appearance. */
function groupRuns(runs: readonly RecordedRun[], key: string): ComparedGroup[] {
  const groups = new Map<string, RecordedRun[]>();
  for (const run of runs) {
    const name = valueAt(run, key);
    groups.set(name, [...(groups.get(name) ?? []), run]);
  }
  const [base = []] = groups.values();
  return [...groups].map(([name, members]) => {
    const pairs = members.flatMap((run) => {
      const partner = base.find((one) => one.resolved.config.seed === run.resolved.config.seed);
      return partner === undefined
        ? []
        : [[run, partner].map(({ figures }) => finalReward(figures.testRewards))];
    }) as [number, number][];
    return {
      name,
      figures: groupFigures(members.map(({ figures }) => figures)),
      ...(members !== base &&
        pairs.length > 1 && {
          difference: pairedChange(
            pairs.map(([own]) => own),
            pairs.map(([, partner]) => partner),
          ),
        }),
    };
  });
}

/** @throws ConfigError if the configuration has no such key */
function valueAt({ name, resolved }: RecordedRun, key: string): string {
  let value: unknown = resolved.config;
  for (const step of key.split('.'))
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
  if (value === undefined)
    throw new ConfigError(
      `--group: expected a key of a team file, such as algorithm, got "${key}", which ${name} has not`,
    );
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
