/**
 * What `troupe eval` does: measures a team on one split, prints its scores and keeps every transcript.
 * @module
 */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import { type EvaluateOptions, evaluateTeam, type TeamEvaluation } from '../evaluate/evaluate.ts';
import type { Measure, Scores } from '../evaluate/scores.ts';
import { createProgressLine, progressText } from '../observe/progress-line.ts';
import { accuracy, percent } from '../report/format.ts';
import { furtherLines } from '../report/task-scores.ts';
import { textTable } from '../report/text-table.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import type { Split } from '../task/task.ts';
import type { Team, Trajectory } from '../team/team.ts';
import { dialogue } from '../team/transcript.ts';
import { evaluationStream } from './before-after.ts';
import { closeTeam, compose, loadTeam, requirePrompts } from './compose.ts';
import { listenForInterrupt } from './interrupt.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';
import { isWritable, nearestExisting } from './writable.ts';

export interface EvaluationRequest {
  readonly resolved: ResolvedConfig;
  /** What is measured, for people. */
  readonly title: string;
  /** Model folders of agent 0, 1, ...; default: those of the team file. */
  readonly folders?: readonly string[];
  readonly split: Split;
  /** K. */
  readonly samples: number;
  readonly prompts: number;
  /** Where the transcripts go (JSON lines). */
  readonly transcripts: string;
  readonly json: boolean;
}

/** @throws TroupeError */
export async function evaluate(request: EvaluationRequest): Promise<void> {
  const composition = await compose(request.resolved);
  const { config, engine, task } = composition;
  requireFilePlace(request.transcripts);
  requirePrompts(composition, request.split, { atLeast: 1, purpose: 'an evaluation' });
  const interruption = listenForInterrupt('stopping');
  const line = createProgressLine({ stream: process.stderr });
  let team: Team | undefined;
  try {
    team = await loadTeam(composition, request.folders ? { folders: request.folders } : {});
    for (const text of [...(task.warnings ?? []), ...unreadablePrompts(team, task, request.split)])
      line.note(`warning: task ${task.name}: ${text}`);
    const startedMs = performance.now();
    let rows: string[] = [];
    const options: EvaluateOptions = {
      label: request.title,
      split: request.split,
      prompts: request.prompts,
      samples: request.samples,
      temperature: config.train.temperature,
      maxTokens: config.train.max_completion_length,
      stream: evaluationStream(config.seed),
      signal: interruption.signal,
      onProgress: (done, total) =>
        line.update(progressText('messages', { done, total, elapsedMs: performance.now() - startedMs })),
      onWarning: (message) => line.note(`warning: ${message}`),
      onTrajectories: (trajectories) => {
        rows = trajectories.map((trajectory) => JSON.stringify(transcript(trajectory, config.agents)));
      },
    };
    const evaluation = await evaluateTeam(team, task, options);
    line.close();
    mkdirSync(dirname(request.transcripts), { recursive: true });
    writeFileAtomic(request.transcripts, `${rows.join('\n')}\n`);
    const text = request.json
      ? `${JSON.stringify(evaluationJson(evaluation, config))}\n`
      : renderEvaluation(evaluation, { ...request, agents: config.agents, task: task.name });
    process.stdout.write(text);
  } finally {
    line.close();
    interruption.release();
    await closeTeam(team);
    await engine.close();
  }
}

/** Long work is not done for a file that could never be written. @throws ConfigError */
function requireFilePlace(path: string): void {
  const place = resolve(path);
  const nearest = nearestExisting(place);
  const isFolder = statSync(nearest).isDirectory();
  const problem =
    nearest === place
      ? isFolder && 'a folder'
      : isFolder
        ? !isWritable(nearest) && `a place in ${nearest}, which is not writable`
        : `a place inside the file ${nearest}`;
  if (problem)
    throw new ConfigError(`${path}: expected a file to write transcripts to, got ${problem}; choose another`);
}

type Names = readonly { readonly name: string }[];

/** Table of avg@K, pass@K and maj@K with 95% intervals, for the team and each member. */
export function renderEvaluation(
  evaluation: TeamEvaluation,
  {
    title,
    transcripts,
    agents,
    task,
  }: Pick<EvaluationRequest, 'title' | 'transcripts'> & { agents: Names; task: string },
): string {
  const { team, agents: members, prompts, samples, split, meanLength, clippedRatio } = evaluation;
  const row = (name: string, scores: Scores): string[] => [
    name,
    ...[scores.avg, scores.pass, scores.maj].map(accuracy),
  ];
  const table = textTable(
    [
      ['', `avg@${samples}`, `pass@${evaluation.k}`, `maj@${samples}`],
      row('team', team),
      ...members.flatMap((scores, id) =>
        scores === undefined ? [] : [row(agents[id]?.name ?? `agent_${id}`, scores)],
      ),
    ],
    ['left', 'right', 'right', 'right'],
  );
  return [
    `${title}: task ${task}, ${split} split, ${prompts} prompts x ${samples} samples`,
    '',
    table,
    '',
    `95% intervals over prompts; messages of ${meanLength.toFixed(1)} tokens on average, ${percent(clippedRatio)} cut off`,
    ...furtherLines(team),
    `transcripts   ${relative(process.cwd(), transcripts)}`,
    '',
  ].join('\n');
}

function evaluationJson(
  evaluation: TeamEvaluation,
  { agents, task }: { agents: Names; task: { name: string } },
): object {
  const { agents: members, team, ...rest } = evaluation;
  return {
    task: task.name,
    ...rest,
    team: scoresJson(team),
    members: Object.fromEntries(
      members.flatMap((scores, id) =>
        scores === undefined ? [] : [[agents[id]?.name ?? `agent_${id}`, scoresJson(scores)]],
      ),
    ),
  };
}

function scoresJson({ avg, pass, maj, reward, further }: Scores): object {
  const interval = ({ mean, low, high }: Measure): object => ({ mean, low, high });
  const others = Object.entries(further ?? {}).map(([name, measure]) => [name, interval(measure)]);
  return {
    avg: interval(avg),
    pass: interval(pass),
    maj: interval(maj),
    reward: interval(reward),
    ...(further && { further: Object.fromEntries(others) }),
  };
}

function transcript(trajectory: Trajectory, agents: Names): object {
  const { item, sample, verdict, reward } = trajectory;
  return {
    item: item.id,
    sample,
    prompt: item.prompt,
    messages: dialogue(trajectory).map(({ turn, agent, text }) => {
      return { turn, agent: typeof agent === 'number' ? (agents[agent]?.name ?? agent) : agent, text };
    }),
    ...(verdict.answer === undefined ? {} : { answer: verdict.answer }),
    ...(item.answer === undefined ? {} : { gold: item.answer }),
    correct: verdict.correct,
    reason: verdict.reason,
    reward,
    ...(verdict.scores && { scores: verdict.scores }),
  };
}

/** Where transcripts go unless told otherwise: into the run, or beside where the command was typed. */
export function defaultTranscripts(
  run: string | undefined,
  { name, task, split }: { readonly name: string; readonly task: string; readonly split: Split },
): string {
  return join(run ?? '.', 'evaluations', `${name}-${task}-${split}.jsonl`);
}
