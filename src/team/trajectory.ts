/**
 * The trajectory of a finished episode: its messages with the verdicts on the team's and the agents' answers.
 * @module
 */
import { DomainError } from '../core/errors.ts';
import type { Task, TaskItem, Verdict } from '../task/task.ts';
import type { MessageJudge } from './cut-off.ts';
import { type Episode, repliesOf } from './episode.ts';
import type { Overflow, Team, TeamMessage, Trajectory } from './team.ts';

/**
 * @param rules.rewardRange - an episode whose context was full gets the lowest reward
 * @param played.agentReward - weight w of the agents' own answers in the reward, 0..1; default 0
 * @throws DomainError if the protocol activated no agent
 */
export function trajectoryOf(
  { protocol, agents }: Team,
  { judge, rewardRange }: { readonly judge: MessageJudge } & Pick<Task, 'rewardRange'>,
  { episode, agentReward = 0 }: { readonly episode: Episode; readonly agentReward: number | undefined },
): Trajectory {
  const { item, group, sample, messages, play, overflow } = episode;
  if (overflow !== undefined) {
    const verdict = overflowVerdict(overflow, agents, rewardRange[0]);
    return {
      ...{ item, group, sample, messages, verdict, overflow, reward: verdict.reward },
      ...(play && { replies: repliesOf(play) }),
      meanLogp: Number.NEGATIVE_INFINITY,
      agentVerdicts: agents.map(({ id }) =>
        play === undefined ? (ownVerdict(id, messages, { item, judge }) ?? verdict) : undefined,
      ),
    };
  }
  if (play !== undefined) {
    const moves = play.exchanges.map(({ sent }) => sent);
    const verdict = judge.episodeVerdict(item, play.lastStep, moves);
    const replies = repliesOf(play);
    // an episode in which no message was passed to the environment ended at its first step, because the task
    // failed
    const meanLogp = play.exchanges.at(-1)?.sent.meanLogp ?? Number.NEGATIVE_INFINITY;
    const agentVerdicts = agents.map(() => undefined);
    const { reward } = verdict;
    return { item, group, sample, messages, replies, verdict, meanLogp, agentVerdicts, reward };
  }
  if (messages.length === 0)
    throw new DomainError(
      `rollout: expected protocol ${protocol.name} to activate at least one agent, got none`,
    );
  const decided = protocol.decide(messages, judge.answerOf(item));
  const verdict = judge.verdict(item, decided);
  const agentVerdicts = agents.map(({ id }) => ownVerdict(id, messages, { item, judge }));
  const given = agentVerdicts.filter((agentVerdict) => agentVerdict !== undefined);
  const agentMean = given.reduce((sum, agentVerdict) => sum + agentVerdict.reward, 0) / given.length;
  const reward = (1 - agentReward) * verdict.reward + agentReward * agentMean;
  const { meanLogp } = decided;
  return { item, group, sample, messages, verdict, meanLogp, agentVerdicts, reward };
}

/** Returns the verdict on an agent's last message; undefined if it wrote none. */
function ownVerdict(
  agent: number,
  messages: readonly TeamMessage[],
  { item, judge }: { readonly item: TaskItem; readonly judge: MessageJudge },
): Verdict | undefined {
  const last = messages.findLast((message) => message.agent === agent);
  return last && judge.verdict(item, last);
}

/** Returns the verdict on an episode in which an agent had no room for its message. */
function overflowVerdict({ agent, turn, tokens }: Overflow, agents: Team['agents'], reward: number): Verdict {
  const { name, model } = agents[agent];
  const { maxContext } = model.capabilities;
  return {
    correct: false,
    reward,
    reason: `agent ${name} had no room for its message in turn ${turn + 1}: its context has ${tokens} of ${maxContext} tokens`,
  };
}
