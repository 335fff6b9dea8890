/**
 * The description of a served team: its agents, its protocol, and its limits.
 * @module
 */
import type { TruncatedRule } from '../../team/cut-off.ts';
import { createRelay } from '../../team/relay.ts';
import type { Protocol } from '../../team/team.ts';
import type { SamplingParams, ServedAgent } from '../agent/served-agent.ts';

export interface ServedTeam {
  /** Name of the team in messages for the operator. Clients request the team as the model `team`. */
  readonly name: string;
  /** The agents; an agent's id in the protocol is its index. */
  readonly agents: readonly ServedAgent[];
  readonly protocol: Protocol;
  /** Minimum number of agents that must answer. With fewer, the request fails. */
  readonly minAgents: number;
  /** Time limit of one message of an agent including all attempts, milliseconds. */
  readonly agentTimeoutMs: number;
  /** Extracts the answer that the vote counts from a message; undefined if the message has no answer. */
  readonly answerOf: (text: string) => string | undefined;
  /** Treatment of messages that were cut off: that of the team's training; `judge` without a training. */
  readonly truncated: TruncatedRule;
  /**
   * Whether the agents have different vocabularies. Log-probabilities are then compared per character, as in
   * `rollout`.
   */
  readonly isMixed: boolean;
  /** Values for requests that do not set these parameters. */
  readonly defaults: Pick<SamplingParams, 'temperature' | 'maxTokens'>;
  /**
   * Value of `system_fingerprint` in responses. It changes when the weights, the agents or the protocol
   * change.
   */
  readonly fingerprint: string;
}

/** Name by which clients request the whole team. */
export const TEAM_MODEL = 'team';

/**
 * Extracts answers for teams without a task: the answer is the whole text of the message. Texts that differ
 * only in white space or in Unicode normalization count as the same answer. If all answers differ, the most
 * probable message wins.
 *
 * @example
 * textAnswer(' a  b\n'); // => 'a b'
 */
export function textAnswer(text: string): string | undefined {
  const normalized = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  return normalized === '' ? undefined : normalized;
}

/**
 * Creates a team in which only one agent answers. The agent gets the same random draws as in the whole team.
 */
export function singleAgentTeam(team: ServedTeam, id: number): ServedTeam {
  const protocol: Protocol = {
    ...createRelay(team.agents.length),
    name: 'alone',
    maxTurns: 1,
    active: (turn) => (turn === 0 ? [id] : []),
  };
  return { ...team, protocol, minAgents: 1 };
}
