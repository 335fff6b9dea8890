/**
 * Record of an episode of an evaluation, stored as one line of JSON. All scores are computed from these
 * records, so uninterrupted, resumed and stored evaluations have equal scores.
 * @module
 */
import type { Verdict } from '../task/task.ts';
import type { EnvironmentReply, Team, TeamMessage, Trajectory } from '../team/team.ts';
import { inTurnOrder } from '../team/transcript.ts';
import type { Answer } from './scores.ts';

export interface MessageRecord {
  readonly turn: number;
  /** Name of the agent, or `environment`. */
  readonly agent: string;
  readonly text: string;
  /** Number of sampled tokens; absent for the environment. */
  readonly tokens?: number;
  readonly finish?: TeamMessage['finish'];
}

/** Verdict on an agent's own last message. */
export interface AgentRecord {
  readonly agent: string;
  /** The agent's answer in normal form; absent if the message contains none. */
  readonly answer?: string;
  readonly correct: boolean;
  readonly reward: number;
  readonly reason: string;
  /** Mean log-probability per token of the message under the sampler, nats; null if it is not finite. */
  readonly mean_logp: number | null;
}

/** A row of `episodes.jsonl`; the keys are those of the file. */
export interface EpisodeRecord {
  /** Position of the prompt in its split. */
  readonly index: number;
  readonly item: string;
  readonly sample: number;
  readonly difficulty?: string;
  readonly prompt: string;
  readonly messages: readonly MessageRecord[];
  /** The team's answer in normal form; absent if its message contains none. */
  readonly answer?: string;
  readonly gold?: string;
  readonly correct: boolean;
  readonly reason: string;
  readonly reward: number;
  readonly mean_logp: number | null;
  /** true: the episode counts as wrong, because an agent's context left no room for its message. */
  readonly overflow?: true;
  /** Further scores of the task, by name. */
  readonly scores?: Readonly<Record<string, number>>;
  /** One entry per agent with an own answer, in order of agents. */
  readonly agents: readonly AgentRecord[];
}

/**
 * Creates the record of an episode.
 *
 * @param trajectory - its group must be the prompt's index in the split
 */
export function episodeRecord({ agents }: Team, trajectory: Trajectory): EpisodeRecord {
  const { item, group, sample, messages, verdict, meanLogp, agentVerdicts, reward } = trajectory;
  const name = (id: number): string => agents[id].name;
  return {
    index: group,
    item: item.id,
    sample,
    ...(item.difficulty === undefined ? {} : { difficulty: item.difficulty }),
    prompt: item.prompt,
    messages: inTurnOrder(trajectory).map((entry) => messageRecord(entry, name)),
    ...(verdict.answer === undefined ? {} : { answer: verdict.answer }),
    ...(item.answer === undefined ? {} : { gold: item.answer }),
    correct: verdict.correct,
    reason: verdict.reason,
    reward,
    mean_logp: finite(meanLogp),
    ...(trajectory.overflow && { overflow: true as const }),
    ...(verdict.scores && { scores: verdict.scores }),
    agents: agents.flatMap(({ id }): AgentRecord[] => {
      const last = messages.findLast((message) => message.agent === id);
      const own = agentVerdicts[id];
      return own ? [agentRecord(name(id), own, last?.meanLogp ?? Number.NEGATIVE_INFINITY)] : [];
    }),
  };
}

function messageRecord(
  entry: TeamMessage | EnvironmentReply,
  name: (agent: number) => string,
): MessageRecord {
  const { turn, text } = entry;
  if (!('agent' in entry)) return { turn, agent: 'environment', text };
  return { turn, agent: name(entry.agent), text, tokens: entry.tokens.length, finish: entry.finish };
}

function agentRecord(agent: string, verdict: Verdict, meanLogp: number): AgentRecord {
  const { answer, correct, reward, reason } = verdict;
  return {
    agent,
    ...(answer === undefined ? {} : { answer }),
    correct,
    reward,
    reason,
    mean_logp: finite(meanLogp),
  };
}

/** Replaces NaN and infinities by null, because JSON cannot represent them. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Returns the team's answer in an episode. */
export function answerOf(record: EpisodeRecord): Answer {
  return toAnswer(record, record.sample);
}

/** Returns an agent's own answer in an episode; an empty list if the agent gave no answer. */
export function agentAnswerOf(record: EpisodeRecord, agent: string): Answer[] {
  const own = record.agents.find((entry) => entry.agent === agent);
  return own ? [toAnswer(own, record.sample)] : [];
}

function toAnswer(
  {
    answer,
    correct,
    reward,
    reason,
    mean_logp,
    scores,
  }: Omit<AgentRecord, 'agent'> & Pick<EpisodeRecord, 'scores'>,
  sample: number,
): Answer {
  const verdict = {
    correct,
    reward,
    reason,
    ...(answer === undefined ? {} : { answer }),
    ...(scores && { scores }),
  };
  return { sample, verdict, meanLogp: mean_logp ?? Number.NEGATIVE_INFINITY };
}
