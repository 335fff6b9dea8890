/**
 * Evaluates a team on prompts of one split: plays K episodes per prompt and computes scores of the team and
 * of each agent.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { RandomStream } from '../core/rng.ts';
import { TaskError } from '../support/errors.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { countCutOff, type TruncatedRule } from '../team/cut-off.ts';
import { rollout } from '../team/rollout.ts';
import type { Agent, Team, TeamMessage, Trajectory } from '../team/team.ts';
import { VerifierCache } from '../team/verifier-cache.ts';
import { createVote } from '../team/vote.ts';
import type { AccuracyRecord, EvaluationRecord } from '../train/events.ts';
import { type Answer, type Scores, scoresOf } from './scores.ts';
import { frequentWrongAnswers, type WrongAnswer } from './wrong-answers.ts';

export interface EvaluateOptions {
  /** Name of the evaluation in reports, e.g. `trained team`. */
  readonly label: string;
  readonly split: Split;
  /** Index of the first prompt; default 0. */
  readonly start?: number;
  /** Number of prompts. If the split has fewer, all of them are used and a warning is issued. */
  readonly prompts: number;
  /** Number of episodes per prompt (K). */
  readonly samples: number;
  /** k of pass@k, 1..K; default K. */
  readonly k?: number;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Treatment of messages that were cut off; default `judge`. */
  readonly truncated?: TruncatedRule;
  /**
   * Random stream of all draws. Policies that are evaluated with equal streams are paired: equal messages
   * draw equal numbers.
   */
  readonly stream: RandomStream;
  readonly signal?: AbortSignal;
  /** Called with the numbers of finished and expected messages. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Called once with all episodes, e.g. to write transcripts. */
  readonly onTrajectories?: (trajectories: readonly Trajectory[]) => void;
  /** Called if the split has too few prompts, episodes overflow a context, or the verifier throws. */
  readonly onWarning?: (message: string) => void;
}

export interface TeamEvaluation {
  readonly label: string;
  readonly split: Split;
  readonly start: number;
  /** Number of evaluated prompts (P). */
  readonly prompts: number;
  /** Number of episodes per prompt (K). */
  readonly samples: number;
  readonly k: number;
  readonly team: Scores;
  /** Scores of each agent's own last messages; undefined for agents without messages. */
  readonly agents: readonly (Scores | undefined)[];
  /** Number of sampled tokens. */
  readonly tokens: number;
  /** Mean tokens per message. */
  readonly meanLength: number;
  /** Share of messages cut at the maximum length, 0..1. */
  readonly clippedRatio: number;
  /** The same share among the messages of episodes with a correct answer; absent if there are none. */
  readonly rewardedClippedRatio?: number;
  /** Number of episodes that count as wrong because an agent's context left no room for its message. */
  readonly overflows: number;
  /** The team's most frequent wrong answers. */
  readonly wrongAnswers: readonly WrongAnswer[];
}

/**
 * Plays `samples` episodes on each of `prompts` prompts and computes the team's and the agents' scores.
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
  const overflows = trajectories.filter(({ overflow }) => overflow !== undefined);
  if (overflows[0] !== undefined)
    options.onWarning?.(
      `${overflows.length} of ${trajectories.length} episodes count as wrong: ${overflows[0].verdict.reason} (item ${overflows[0].item.id})`,
    );

  const byPrompt = items.map((_, group) => trajectories.slice(group * samples, (group + 1) * samples));
  const score = (key: number, answers_P: readonly (readonly Answer[])[]): Scores =>
    scoresOf(answers_P, { items: items.map(({ id }) => id), k, stream: stream.child(1, key) });
  const messages = trajectories.flatMap((trajectory) => trajectory.messages);
  const rewarded = trajectories.flatMap((trajectory) =>
    trajectory.verdict.correct ? trajectory.messages : [],
  );
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
    meanLength: tokens / Math.max(1, messages.length),
    clippedRatio: countCutOff(messages) / Math.max(1, messages.length),
    ...(rewarded.length > 0 && { rewardedClippedRatio: countCutOff(rewarded) / rewarded.length }),
    overflows: overflows.length,
    wrongAnswers: frequentWrongAnswers(trajectories.map(({ verdict }) => verdict)),
  };
}

/**
 * Evaluates self-consistency: one agent answers n times, and the plurality of its answers counts, with the
 * tie rule of the protocol `vote`. This baseline needs as many samples as a vote of n agents.
 *
 * @param options.votes - n, the number of samples per vote, >= 1; `options.samples` is the number of votes
 *   per prompt
 * @returns `team` has the scores of the vote; `agents` has those of the n single samples
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

/**
 * Returns the agent with the highest avg@K; ties go to the lower id. Undefined if no agent has own answers.
 */
export function bestAgent({ agents }: TeamEvaluation): { agent: number; scores: Scores } | undefined {
  return agents
    .flatMap((scores, agent) => (scores === undefined ? [] : [{ agent, scores }]))
    .reduce<{ agent: number; scores: Scores } | undefined>(
      (best, own) => (best && best.scores.avg.mean >= own.scores.avg.mean ? best : own),
      undefined,
    );
}

/** Returns the summary of an evaluation for a run's events: avg@K of the team and of each agent. */
export function evaluationRecord(evaluation: TeamEvaluation): EvaluationRecord {
  const accuracy = ({ avg: { mean, low, high } }: Scores): AccuracyRecord => ({ mean, low, high });
  return {
    label: evaluation.label,
    prompts: evaluation.prompts,
    samples: evaluation.samples,
    team: accuracy(evaluation.team),
    // the accuracy of an agent without answers is unknown
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
        `got ${size} prompts; lower start or set prompts to at least 1`,
      { code: 'TROUPE_TASK_EMPTY_SPLIT' },
    );
  if (count < prompts)
    onWarning?.(
      `the ${split} split of task ${task.name} has ${count} prompts left, but ${prompts} were requested`,
    );
  return Array.from({ length: count }, (_, i) => task.item(split, start + i));
}

function teamAnswer({ sample, verdict, meanLogp }: Trajectory): Answer {
  return { sample, verdict, meanLogp };
}

function agentAnswer(agent: number, { sample, messages, agentVerdicts }: Trajectory): Answer[] {
  const last: TeamMessage | undefined = messages.findLast((message) => message.agent === agent);
  const verdict = agentVerdicts[agent];
  return verdict ? [{ sample, verdict, meanLogp: last?.meanLogp ?? Number.NEGATIVE_INFINITY }] : [];
}
