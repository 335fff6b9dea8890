/**
 * Measures a team on prompts of one split: K episodes per prompt, scored as a team and member by member.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { rollout } from '../team/rollout.ts';
import type { Agent, Team, TeamMessage, Trajectory } from '../team/team.ts';
import { VerifierCache } from '../team/verifier-cache.ts';
import { createVote } from '../team/vote.ts';
import type { AccuracyRecord, EvaluationRecord } from '../train/events.ts';
import { type Answer, type Scores, scoresOf } from './scores.ts';

export interface EvaluateOptions {
  /** Names the measurement in reports, e.g. `trained team`. */
  readonly label: string;
  readonly split: Split;
  /** Index of the first prompt; default 0. */
  readonly start?: number;
  /** How many prompts; a split that runs out gives fewer, with a warning. */
  readonly prompts: number;
  /** K: episodes per prompt. */
  readonly samples: number;
  /** k of pass@k, 1..K; default K. */
  readonly k?: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Named by the caller; contestants evaluated under one name draw their messages from like streams. */
  readonly stream: RandomStream;
  readonly signal?: AbortSignal;
  /** Messages finished and expected. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Every episode, for those who keep transcripts. */
  readonly onTrajectories?: (trajectories: readonly Trajectory[]) => void;
  /** A split that ran out; a verifier that threw. */
  readonly onWarning?: (message: string) => void;
}

export interface TeamEvaluation {
  readonly label: string;
  readonly split: Split;
  readonly start: number;
  /** P: prompts measured. */
  readonly prompts: number;
  /** K. */
  readonly samples: number;
  readonly k: number;
  readonly team: Scores;
  /** Each agent's own last messages; undefined for an agent that never spoke. */
  readonly agents: readonly (Scores | undefined)[];
  /** Tokens the agents wrote. */
  readonly tokens: number;
  /** Mean tokens per message. */
  readonly meanLength: number;
  /** Share of messages cut at the largest length. */
  readonly clippedRatio: number;
}

/**
 * Evaluates a team: K episodes on each of `prompts` prompts.
 *
 * @throws DomainError if k is not in 1..K
 * @throws TaskError if the split has no prompt at `start`
 */
export async function evaluateTeam(
  team: Team,
  task: Task,
  options: EvaluateOptions,
): Promise<TeamEvaluation> {
  const { start = 0, samples, k = samples, stream } = options;
  if (!Number.isInteger(k) || k < 1 || k > samples)
    throw new DomainError(`evaluateTeam: expected k from 1 to ${samples} samples, got ${k}`);
  const items = itemsOf(task, options);
  const verifier = new VerifierCache(task, options.onWarning);
  const trajectories = await rollout(team, task, { ...options, items, verifier, stream: stream.child(0) });
  options.onTrajectories?.(trajectories);

  const byPrompt = items.map((_, group) => trajectories.slice(group * samples, (group + 1) * samples));
  const score = (key: number, answers_P: readonly (readonly Answer[])[]): Scores =>
    scoresOf(answers_P, { items: items.map(({ id }) => id), k, stream: stream.child(1, key) });
  const messages = trajectories.flatMap((trajectory) => trajectory.messages);
  const tokens = messages.reduce((sum, message) => sum + message.tokens.length, 0);
  return {
    label: options.label,
    split: options.split,
    start,
    prompts: items.length,
    samples,
    k,
    team: score(
      0,
      byPrompt.map((episodes) => episodes.map(teamAnswer)),
    ),
    agents: team.agents.map(({ id }) => {
      const answers_P = byPrompt.map((episodes) => episodes.flatMap((episode) => agentAnswer(id, episode)));
      return answers_P.every((answers) => answers.length === 0) ? undefined : score(1 + id, answers_P);
    }),
    tokens,
    meanLength: tokens / messages.length,
    clippedRatio: messages.filter(({ finish }) => finish === 'length').length / messages.length,
  };
}

/**
 * Self-consistency: one agent answers n times, the plurality of its answers counts, with the tie rule of
 * `vote`. The baseline that costs as many samples as a team of n agents that vote.
 *
 * @param options.votes - n, samples per vote, >= 1; `options.samples` such votes are taken per prompt
 * @returns `team` is the vote; `members` are the n samples one by one, all of the same agent
 * @see Wang et al., "Self-consistency improves chain of thought reasoning", arXiv 2203.11171
 */
export async function selfConsistency(
  agent: Agent,
  task: Task,
  options: EvaluateOptions & { readonly votes: number },
): Promise<TeamEvaluation> {
  if (!Number.isInteger(options.votes) || options.votes < 1)
    throw new DomainError(`selfConsistency: expected votes >= 1, got ${options.votes}`);
  const agents = Array.from({ length: options.votes }, (_, id): Agent => ({ ...agent, id }));
  return evaluateTeam({ agents, protocol: createVote() }, task, options);
}

/** The member with the highest avg@K; the lower id of equals. Undefined when no member ever spoke. */
export function bestAgent({
  agents: members,
}: TeamEvaluation): { agent: number; scores: Scores } | undefined {
  return members
    .flatMap((scores, agent) => (scores === undefined ? [] : [{ agent, scores }]))
    .reduce<{ agent: number; scores: Scores } | undefined>(
      (best, member) => (best && best.scores.avg.mean >= member.scores.avg.mean ? best : member),
      undefined,
    );
}

/** The summary that a run's events keep: avg@K of the team and of each member. */
export function evaluationRecord(evaluation: TeamEvaluation): EvaluationRecord {
  const accuracy = ({ avg: { mean, low, high } }: Scores): AccuracyRecord => ({ mean, low, high });
  return {
    label: evaluation.label,
    prompts: evaluation.prompts,
    samples: evaluation.samples,
    team: accuracy(evaluation.team),
    // of an agent that never spoke nothing is known
    agents: evaluation.agents.map((scores) =>
      scores === undefined ? { mean: Number.NaN, low: 0, high: 1 } : accuracy(scores),
    ),
  };
}

function itemsOf(task: Task, { split, start = 0, prompts, onWarning }: EvaluateOptions): TaskItem[] {
  const size = task.size(split) ?? Number.POSITIVE_INFINITY;
  const count = Math.min(prompts, size - start);
  if (count < 1)
    throw new TaskError(
      `evaluate: expected prompts from index ${start} on in the ${split} split of task ${task.name}, ` +
        `got ${size} in all; lower start or ask for at least 1 prompt`,
      { code: 'TROUPE_TASK_EMPTY_SPLIT' },
    );
  if (count < prompts)
    onWarning?.(
      `the ${split} split of task ${task.name} has ${count} prompts left where ${prompts} were asked for`,
    );
  return Array.from({ length: count }, (_, i) => task.item(split, start + i));
}

function teamAnswer({ sample, verdict, meanLogp }: Trajectory): Answer {
  return { sample, verdict, meanLogp };
}

function agentAnswer(agent: number, { sample, messages, agentVerdicts }: Trajectory): Answer[] {
  const last: TeamMessage | undefined = messages.findLast((message) => message.agent === agent);
  const verdict = agentVerdicts[agent];
  return last && verdict ? [{ sample, verdict, meanLogp: last.meanLogp }] : [];
}
