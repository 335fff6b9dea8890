/**
 * Reads lengths of contexts and messages from sampled episodes.
 * @module
 */
import type { Team, TeamMessage, Trajectory } from '../team/team.ts';
import { messageLengths, type SampledLength, thinnedLengths } from './message-lengths.ts';
import type { AgentRates } from './rates.ts';

/** Lengths of one agent's messages, and of those of agents with the same policy. */
export interface AgentMessages
  extends Pick<AgentRates, 'contextTokens' | 'commonTokens' | 'messageLengths' | 'messagesPerEpisode'> {
  /** Number of sampled messages. */
  readonly sampled: number;
  /** Number of messages that were cut off before the limit of the run, and their number of tokens. */
  readonly cut: number;
  readonly cutAt: number;
}

/**
 * @param limit - maximum number of tokens of a message in the run
 * @param policies - by agent id; absent: the lengths of each agent are estimated from its own messages
 * @returns lengths by agent id. An agent that never acted has the lengths of all agents
 */
export function messagesOf(
  { agents, protocol }: Team,
  trajectories: readonly Trajectory[],
  limit: number,
  policies: readonly { readonly policyKey: string }[] = [],
): AgentMessages[] {
  const all = trajectories.flatMap(({ messages }) => messages);
  const policyOf = (id: number): string => policies[id]?.policyKey ?? `${id}`;
  const estimated = agents.map(({ id }) => {
    const alike = all.filter(({ agent }) => policyOf(agent) === policyOf(id));
    const samples = (alike.length > 0 ? alike : all).map(sampledLength);
    return { samples, lengths: messageLengths(samples, limit) };
  });
  // contexts contain earlier messages, which are longer in the run if they were cut off here
  const tokens = all.reduce((sum, message) => sum + message.tokens.length, 0);
  const expected = all.reduce((sum, { agent }) => sum + meanOf(estimated[agent].lengths), 0);
  const growth = Math.max(1, expected / tokens);
  const isDebate = protocol.name === 'debate';
  return agents.map(({ id }) => {
    const { samples, lengths } = estimated[id];
    const cut = samples.filter(({ isCut, tokens: length }) => isCut && length < limit);
    const own = all.some(({ agent }) => agent === id) ? id : (all[0]?.agent ?? id);
    return {
      contextTokens: contextsByRound(trajectories, own, { growth, isDebate }),
      commonTokens: commonByRound(trajectories, own),
      messageLengths: thinnedLengths(lengths),
      messagesPerEpisode: all.filter(({ agent }) => agent === id).length / trajectories.length,
      sampled: samples.length,
      cut: cut.length,
      cutAt: Math.max(0, ...cut.map(({ tokens: length }) => length)),
    };
  });
}

function sampledLength({ tokens, finish }: TeamMessage): SampledLength {
  return { tokens: tokens.length, isCut: finish === 'length' };
}

/**
 * Mean tokens of the contexts of an agent's first, second, ... message in an episode.
 *
 * @param rules.growth - factor by which messages are longer in the run
 * @param rules.isDebate - whether a context contains the messages of the last turn only
 */
function contextsByRound(
  trajectories: readonly Trajectory[],
  agent: number,
  { growth, isDebate }: { readonly growth: number; readonly isDebate: boolean },
): number[] {
  const lengths: number[][] = [];
  for (const { messages } of trajectories)
    for (const [round, message] of messages.filter((one) => one.agent === agent).entries()) {
      const earlier = messages.filter(({ turn }) =>
        isDebate ? turn === message.turn - 1 : turn < message.turn,
      );
      const seen = earlier.reduce((sum, { tokens }) => sum + tokens.length, 0);
      lengths[round] = [...(lengths[round] ?? []), message.context.length + (growth - 1) * seen];
    }
  return lengths.map(meanOf);
}

/** Returns the mean common prefix of an agent's contexts in each of its rounds, tokens. */
function commonByRound(trajectories: readonly Trajectory[], agent: number): number[] {
  const rounds: TeamMessage[][] = [];
  for (const { messages } of trajectories)
    messages
      .filter((message) => message.agent === agent)
      .forEach((message, round) => {
        rounds[round] = [...(rounds[round] ?? []), message];
      });
  return rounds.map((messages) => meanCommonPrefix(distinctContexts(messages)));
}

/** Returns the distinct contexts of messages in lexicographic order of their tokens. */
export function distinctContexts(messages: readonly Pick<TeamMessage, 'context'>[]): Int32Array[] {
  const distinct = new Map(messages.map(({ context }) => [context.join(), context]));
  return [...distinct.values()].sort((a, b) => {
    const at = commonPrefix(a, b);
    return (a[at] ?? -1) - (b[at] ?? -1);
  });
}

/** Returns the mean number of leading tokens that each context has in common with the next one; 0 for one context. */
export function meanCommonPrefix(sorted: readonly Int32Array[]): number {
  const common = sorted.slice(1).map((context, i) => commonPrefix(context, sorted[i]));
  return common.length === 0 ? 0 : meanOf(common);
}

function commonPrefix(a: Int32Array, b: Int32Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
