/**
 * Compares runs that were trained on the same task. Uses the test rewards that the runs recorded; if some run
 * recorded none, evaluates the teams of all runs now.
 * @module
 */
import { join, relative } from 'node:path';
import { type ResolvedConfig, resolveRunConfig } from '../config/resolve.ts';
import { compare as compareScores } from '../evaluate/compare.ts';
import {
  finalReward,
  groupFigures,
  pairedChange,
  type RunFigures,
  runFigures,
  stageFalls,
} from '../evaluate/compare-runs.ts';
import type { ComparedGroup, Comparison, Finals } from '../evaluate/comparison.ts';
import { evaluateTeam, type TeamEvaluation } from '../evaluate/evaluate.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readEvents, readRunConfig } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import type { Team } from '../team/team.ts';
import { closeTeam, compose, loadTeam } from './compose.ts';
import { evaluationStream } from './evaluation-stream.ts';
import { warnIfNotNewest } from './find-team.ts';
import { type UseCaseOptions, warnOnce } from './use-case.ts';

export type { Comparison } from '../evaluate/comparison.ts';

/** Configuration and results that a run folder contains. */
export interface RecordedRun {
  readonly dir: string;
  readonly name: string;
  readonly resolved: ResolvedConfig;
  readonly figures: RunFigures;
}

/** @throws StoreError if the folder is not a run folder */
export function readRun(dir: string): RecordedRun {
  readRunConfig(dir); // called first, because it throws if the folder is not a run folder
  return {
    dir,
    name: relative(process.cwd(), dir) || '.',
    resolved: resolveRunConfig(join(dir, CONFIG_FILE)),
    figures: runFigures(foldEvents(readEvents(dir), { keepRewards: true })),
  };
}

export interface ComparisonRequest extends UseCaseOptions {
  /** At least two run folders with the same task. All other runs are compared with the first one. */
  readonly runs: readonly (string | RecordedRun)[];
  /** Whether to evaluate the teams now even if all runs recorded test rewards. */
  readonly evaluate?: boolean | undefined;
  /**
   * Number of prompts of the test split, used if this command evaluates the teams instead of using recorded
   * rewards. Default: `eval.prompts` of the first run.
   */
  readonly prompts?: number | undefined;
  /**
   * Number of samples per prompt (K), used if this command evaluates the teams instead of using recorded
   * rewards. Default: `eval.k` of the first run.
   */
  readonly samples?: number | undefined;
  /** Dotted key of the configuration; runs with the same value form a group. */
  readonly group?: string | undefined;
}

/** @throws ConfigError if the runs cannot be compared, or cannot be grouped by the key */
export async function compare(request: ComparisonRequest): Promise<Comparison> {
  const { group } = request;
  const runs = request.runs.map((run) => (typeof run === 'string' ? readRun(run) : run));
  requireOneTask(runs);
  const isRecorded = runs.every(({ figures }) => figures.testRewards.length > 0) && haveEqualSizes(runs);
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
    finals: isRecorded && !request.evaluate ? recordedFinals(runs) : await evaluatedFinals(runs, request),
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
    const [rule, otherRule] = [first, { resolved }].map((run) => judgesCutOff(run.resolved));
    if (rule !== otherRule)
      throw new ConfigError(
        `${name}: expected ${rule ? 'train.truncated judge or mask' : 'train.truncated wrong'} as in ${first.name}, got ${resolved.config.train.truncated}; only runs with the same reward can be compared`,
      );
  }
}

/** Returns whether the reward of a run judges messages that were cut off; `mask` affects the loss only. */
function judgesCutOff({ config }: ResolvedConfig): boolean {
  return config.train.truncated !== 'wrong';
}

function haveEqualSizes(runs: readonly RecordedRun[]): boolean {
  const sizes = runs.flatMap(({ figures }) => figures.testRewards.map((rewards) => rewards.length));
  return new Set(sizes).size === 1;
}

/** Compares the rewards on the test split that the runs recorded after their last stage. */
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

/**
 * Evaluates the deployable team of each run (its champion, i.e. the team that passed the last promotion test,
 * else its last checkpoint), all on the same prompts and with the same random streams.
 */
async function evaluatedFinals(runs: readonly RecordedRun[], request: ComparisonRequest): Promise<Finals> {
  // requireOneTask has checked that there are at least two runs
  const [first] = runs as [RecordedRun, ...RecordedRun[]];
  const settings = {
    prompts: request.prompts ?? first.resolved.config.eval.prompts,
    samples: request.samples ?? first.resolved.config.eval.k,
    stream: evaluationStream(first.resolved.config.seed),
    onModelWarning: warnOnce(request),
  };
  const startedMs = performance.now();
  const evaluations: TeamEvaluation[] = [];
  for (const run of runs) evaluations.push(await evaluateRun(run, { ...settings, startedMs }, request));
  const [base] = evaluations as [TeamEvaluation, ...TeamEvaluation[]];
  return {
    title: `correct answers on ${base.prompts} test prompts x ${base.samples} samples, by the team to use`,
    unit: 'share',
    values: evaluations.map(({ team: { avg } }) => ({ mean: avg.mean, low: avg.low, high: avg.high })),
    differences: evaluations.map(({ team }, k) =>
      k === 0 ? undefined : compareScores(team, base.team, 'avg'),
    ),
  };
}

interface EvaluationSettings {
  readonly prompts: number;
  readonly samples: number;
  readonly stream: ReturnType<typeof evaluationStream>;
  /** Receives the warnings about model files; runs can share a base model. */
  readonly onModelWarning: (message: string) => void;
  /** Start of the comparison. */
  readonly startedMs: number;
}

async function evaluateRun(
  run: RecordedRun,
  { startedMs, onModelWarning: onWarning, ...settings }: EvaluationSettings,
  { signal, onEvent, env }: UseCaseOptions,
): Promise<TeamEvaluation> {
  const stored = await findStoredTeam(run.dir);
  const composition = await compose(run.resolved, { signal, onEvent, env, onWarning });
  const { config, engine, task } = composition;
  let team: Team | undefined;
  try {
    team = await loadTeam(composition, { folders: stored?.agents });
    warnIfNotNewest(stored, { onEvent: ({ message }) => onWarning(message) });
    return await evaluateTeam(team, task, {
      ...settings,
      label: run.name,
      split: 'test',
      temperature: config.train.temperature,
      maxTokens: config.train.max_completion_length,
      truncated: config.train.truncated,
      ...(signal && { signal }),
      onProgress: (done, total) =>
        onEvent?.({
          kind: 'progress',
          label: run.name,
          done,
          total,
          elapsedMs: performance.now() - startedMs,
        }),
    });
  } finally {
    await closeTeam(team);
    await engine.close();
  }
}

/** Groups runs by the value of a key, in order of first appearance. */
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

/** Returns a configuration value as text. @throws ConfigError if the configuration has no such key */
function valueAt({ name, resolved }: RecordedRun, key: string): string {
  let value: unknown = resolved.config;
  for (const step of key.split('.'))
    value =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[step] : undefined;
  if (value === undefined)
    throw new ConfigError(
      `--group: expected a key of a team file, such as algorithm, got "${key}", which ${name} does not have`,
    );
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
