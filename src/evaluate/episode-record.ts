/**
 * One episode of an evaluation as it is kept: a line of JSON that a person can read and that every score can
 * be computed from again. Scores are always computed from records, so a resumed evaluation and one read from
 * disk give what an uninterrupted one does.
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
  /** How many it wrote; absent where the environment speaks. */
  readonly tokens?: number;
  readonly finish?: TeamMessage['finish'];
}

/** What an agent's own last message was worth. */
export interface AgentRecord {
  readonly agent: string;
  /** Absent: no answer was found. */
  readonly answer?: string;
  readonly correct: boolean;
  readonly reward: number;
  readonly reason: string;
  /** Mean sampler logp per token, nats; null where it is not a number. */
  readonly mean_logp: number | null;
}

/** Keys as in the files. */
export interface EpisodeRecord {
  /** Position of the prompt in its split. */
  readonly index: number;
  readonly item: string;
  readonly sample: number;
  readonly difficulty?: string;
  readonly prompt: string;
  readonly messages: readonly MessageRecord[];
  /** The team's answer in normal form; absent: none was found. */
  readonly answer?: string;
  readonly gold?: string;
  readonly correct: boolean;
  readonly reason: string;
  readonly reward: number;
  readonly mean_logp: number | null;
  /** What else the task measured. */
  readonly scores?: Readonly<Record<string, number>>;
  /** Per agent that spoke, in order of agents. */
  readonly agents: readonly AgentRecord[];
}

/**
 * The record of an episode.
 *
 * @param trajectory - its group is the prompt's position
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
    ...(verdict.scores && { scores: verdict.scores }),
    agents: agents.flatMap(({ id }): AgentRecord[] => {
      const last = messages.findLast((message) => message.agent === id);
      const own = agentVerdicts[id];
      return last && own ? [agentRecord(name(id), own, last.meanLogp)] : [];
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

/** JSON has no NaN; infinite ones would come back as null too. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** The team's answer, as scores want it. */
export function answerOf(record: EpisodeRecord): Answer {
  return toAnswer(record, record.sample);
}

/** An agent's own answer in an episode, if it spoke. */
export function agentAnswerOf(record: EpisodeRecord, agent: string): Answer[] {
  const member = record.agents.find((one) => one.agent === agent);
  return member ? [toAnswer(member, record.sample)] : [];
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
