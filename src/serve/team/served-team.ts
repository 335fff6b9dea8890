/**
 * A team as it is served: its agents, its protocol, and its limits.
 * @module
 */
import { createRelay } from '../../team/relay.ts';
import type { Protocol } from '../../team/team.ts';
import type { SamplingParams, ServedAgent } from '../agent/served-agent.ts';

export interface ServedTeam {
  /** Name of the team in messages for the operator; clients request the model `team`. */
  readonly name: string;
  /** In the order of the ids that the protocol uses. */
  readonly agents: readonly ServedAgent[];
  readonly protocol: Protocol;
  /** Fewest agents that must answer for the team to answer. */
  readonly minAgents: number;
  /** Time limit of one message of an agent, all attempts together, milliseconds. */
  readonly agentTimeoutMs: number;
  /** Extracts the answer that votes are counted on; undefined where a text has none. */
  readonly answerOf: (text: string) => string | undefined;
  /**
   * Whether agents write in different vocabularies, so that log-probabilities are compared per character, as
   * `rollout` does.
   */
  readonly isMixed: boolean;
  /** Used where a request does not set them. */
  readonly defaults: Pick<SamplingParams, 'temperature' | 'maxTokens'>;
  /** `system_fingerprint` of responses; changes with the weights, the agents or the protocol. */
  readonly fingerprint: string;
}

/** Name by which clients request the whole team. */
export const TEAM_MODEL = 'team';

/**
 * The text itself as the answer, for teams without a task. Texts that differ only in white space or in Unicode
 * normalization are the same answer. Where all agents differ, the plurality is the most probable message.
 *
 * @example
 * textAnswer(' a  b\n'); // => 'a b'
 */
export function textAnswer(text: string): string | undefined {
  const normalized = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  return normalized === '' ? undefined : normalized;
}

/** A team in which only one agent answers, with the random draws that it has in the whole team. */
export function singleAgentTeam(team: ServedTeam, id: number): ServedTeam {
  const protocol: Protocol = {
    ...createRelay(team.agents.length),
    name: 'alone',
    maxTurns: 1,
    active: (turn) => (turn === 0 ? [id] : []),
  };
  return { ...team, protocol, minAgents: 1 };
}
