/**
 * Evaluates a team on one split of a task. The result has the scores of the team and of each agent. All
 * transcripts can be written to a file.
 * @module
 */
import { existsSync, linkSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { Override } from '../config/overrides.ts';
import type { TeamFile } from '../config/schema.ts';
import { evaluateTeam, type TeamEvaluation } from '../evaluate/evaluate.ts';
import { removeQuietly, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import { systemErrorCode } from '../support/file-system.ts';
import type { Split } from '../task/task.ts';
import type { Team, Trajectory } from '../team/team.ts';
import { dialogue } from '../team/transcript.ts';
import { type Composition, closeTeam, compose, loadTeam, requirePrompts } from './compose.ts';
import { evaluationStream } from './evaluation-stream.ts';
import { type FoundTeam, findTeam, warnIfNotNewest, withTask } from './find-team.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';
import type { UseCaseOptions } from './use-case.ts';
import { isWritable, nearestExisting } from './writable.ts';

export interface EvaluationRequest extends UseCaseOptions {
  /**
   * Run folder (the team to deploy is used), checkpoint folder in a run, path of a team file, or a team file
   * as an object.
   */
  readonly team: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** Name of a task that replaces the team's own task; it gets default options. */
  readonly task?: string | undefined;
  /** Default: test. */
  readonly split?: Split | undefined;
  /** Number of samples per prompt (K). Default: `eval.k`. */
  readonly samples?: number | undefined;
  /** Number of prompts. Default: `eval.prompts`. */
  readonly prompts?: number | undefined;
  /**
   * JSON-lines file to write the transcripts to; false: write none. Default: a new file in `evaluations/` of the
   * run folder, or of the current folder for a team without a run.
   */
  readonly transcripts?: string | false | undefined;
}

export interface EvaluationResult {
  readonly task: string;
  /** Names of agent 0, 1, ... */
  readonly agents: readonly string[];
  readonly evaluation: TeamEvaluation;
  /** Path of the transcript file, if one was written. */
  readonly transcripts?: string;
}

/** @throws TroupeError; the transcript file is then not written */
export async function evaluate(request: EvaluationRequest): Promise<EvaluationResult> {
  const { signal, onEvent, env } = request;
  const found = await findTeam(request.team, withTask(request.overrides ?? [], request.task));
  const settings = settingsOf(request, found);
  const composition = await compose(found.resolved, { signal, onEvent, env });
  let team: Team | undefined;
  try {
    const target = settings.transcripts ?? settings.newTranscripts;
    if (target !== undefined) requireWritableFile(target);
    requirePrompts(composition, settings.split, { atLeast: 1, purpose: 'an evaluation' });
    team = await loadTeam(composition, { folders: found.stored?.agents });
    warnIfNotNewest(found.stored, request);
    return await evaluateLoaded(composition, team, { ...settings, signal, onEvent });
  } finally {
    await closeTeam(team);
    await composition.engine.close();
  }
}

interface Settings {
  /** Name of the team in tables. */
  readonly label: string;
  readonly split: Split;
  readonly samples: number;
  readonly prompts: number;
  /** The file that the user named. */
  readonly transcripts: string | undefined;
  /** Path of a new file without `.jsonl`; absent if the user named a file, or wants none. */
  readonly newTranscripts: string | undefined;
}

/** Maximum number of episodes, whose results must fit into memory. */
const MAX_EPISODES = 1e7;

function settingsOf(request: EvaluationRequest, { resolved, stored }: FoundTeam): Settings {
  const { config } = resolved;
  const { split = 'test', transcripts } = request;
  const name = `${stored?.checkpoint ?? config.name}-${config.task.name}-${split}`;
  const samples = request.samples ?? config.eval.k;
  const prompts = request.prompts ?? config.eval.prompts;
  if (samples * prompts > MAX_EPISODES)
    throw new ConfigError(
      `eval: expected at most ${MAX_EPISODES} episodes, got ${prompts} prompts x ${samples} samples; lower --prompts or -k`,
    );
  const folder = join(stored?.run ?? '.', 'evaluations');
  return {
    label: stored ? `${relative(process.cwd(), stored.run) || '.'} ${stored.checkpoint}` : config.name,
    split,
    samples,
    prompts,
    transcripts: transcripts === false ? undefined : transcripts,
    newTranscripts: transcripts === undefined ? join(folder, name.replaceAll(/[^\w.-]+/g, '-')) : undefined,
  };
}

/**
 * Writes a file that does not exist yet: `stem.jsonl`, `stem-2.jsonl`, ... Earlier transcripts are kept, also those of an
 * evaluation that runs at the same time.
 *
 * @returns its path
 */
function writeNewFile(stem: string, text: string): string {
  const temporary = `${stem}.tmp-${process.pid}`;
  writeFileAtomic(temporary, text);
  try {
    for (let n = 1; ; n++) {
      const path = `${stem}${n === 1 ? '' : `-${n}`}.jsonl`;
      try {
        linkSync(temporary, path); // fails if the file exists
        return path;
      } catch (error) {
        if (systemErrorCode(error) === 'EEXIST') continue;
        if (existsSync(path)) continue;
        try {
          renameSync(temporary, path); // a file system without hard links
        } catch (cause) {
          throw writeError(path, cause);
        }
        return path;
      }
    }
  } finally {
    removeQuietly(temporary);
  }
}

async function evaluateLoaded(
  { config, task }: Composition,
  team: Team,
  { transcripts, newTranscripts, onEvent, signal, ...settings }: Settings & UseCaseOptions,
): Promise<EvaluationResult> {
  const agents = config.agents.map(({ name }) => name);
  for (const text of [...(task.warnings ?? []), ...unreadablePrompts(team, task, settings.split)])
    onEvent?.({ kind: 'warning', message: `task ${task.name}: ${text}` });
  const startedMs = performance.now();
  let rows: string[] = [];
  const evaluation = await evaluateTeam(team, task, {
    ...settings,
    temperature: config.train.temperature,
    maxTokens: config.train.max_completion_length,
    truncated: config.train.truncated,
    stream: evaluationStream(config.seed),
    ...(signal && { signal }),
    onProgress: (done, total) =>
      onEvent?.({
        kind: 'progress',
        label: 'messages',
        done,
        total,
        elapsedMs: performance.now() - startedMs,
      }),
    onWarning: (message) => onEvent?.({ kind: 'warning', message }),
    onTrajectories: (trajectories) => {
      if (transcripts === undefined && newTranscripts === undefined) return;
      rows = trajectories.map((trajectory) => JSON.stringify(transcriptRow(trajectory, agents)));
    },
  });
  const result = { task: task.name, agents, evaluation };
  const text = `${rows.join('\n')}\n`;
  const target = transcripts ?? newTranscripts;
  if (target === undefined) return result;
  mkdirSync(dirname(target), { recursive: true });
  if (newTranscripts !== undefined) return { ...result, transcripts: writeNewFile(newTranscripts, text) };
  writeFileAtomic(target, text);
  return { ...result, transcripts: target };
}

/** Checks before the evaluation that the transcript file can be written. @throws ConfigError if it cannot */
function requireWritableFile(path: string): void {
  const absolute = resolve(path);
  const nearest = nearestExisting(absolute);
  const isFolder = statSync(nearest).isDirectory();
  const problem =
    nearest === absolute
      ? isFolder && 'a folder'
      : isFolder
        ? !isWritable(nearest) && `a place in ${nearest}, which is not writable`
        : `a place inside the file ${nearest}`;
  if (problem)
    throw new ConfigError(`${path}: expected a file to write transcripts to, got ${problem}; choose another`);
}

/** Converts an episode to one line of the transcript file. */
function transcriptRow(trajectory: Trajectory, agents: readonly string[]): object {
  const { item, sample, verdict, reward } = trajectory;
  return {
    item: item.id,
    sample,
    prompt: item.prompt,
    messages: dialogue(trajectory).map(({ turn, agent, text }) => {
      return { turn, agent: typeof agent === 'number' ? (agents[agent] ?? agent) : agent, text };
    }),
    ...(verdict.answer === undefined ? {} : { answer: verdict.answer }),
    ...(item.answer === undefined ? {} : { gold: item.answer }),
    correct: verdict.correct,
    reason: verdict.reason,
    reward,
    ...(verdict.scores && { scores: verdict.scores }),
  };
}
