/**
 * Protocol `relay`: one agent per turn, in order of id, on one shared transcript; the last message is the
 * team's answer. Equals `router` with order `round_robin` and (rounds * agents) turns. With an interactive
 * task the agents take turns until the environment ends the episode.
 * @module
 */
import type { Protocol } from './team.ts';
import { sharedTranscript } from './transcript.ts';

export interface RelayOptions {
  /** Number of messages of each agent, 1 or more. Default 1. */
  readonly rounds: number;
}

export const DEFAULT_RELAY: RelayOptions = { rounds: 1 };

/** @param agents - number of agents, >= 1 */
export function createRelay(agents: number, { rounds }: RelayOptions = DEFAULT_RELAY): Protocol {
  return {
    name: 'relay',
    maxTurns: rounds * agents,
    active: (turn) => (turn < rounds * agents ? [turn % agents] : []),
    view: (item, agent, messages, instruction) => sharedTranscript(item, agent, { messages, instruction }),
    decide: (messages) => messages[messages.length - 1],
    moves: { active: (turn) => [turn % agents], choose: ([only]) => only },
  };
}
