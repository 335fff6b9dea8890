/**
 * Protocol `router`: one agent per turn on one shared transcript, in a fixed rotation or at random; the last
 * message is the team's answer. It needs no routing model: the active agent is a fixed function of the state
 * (E1, masked activation).
 * @module
 */
import { randomStream } from '../core/rng.ts';
import type { Protocol, ProtocolMessage } from './team.ts';
import { sharedTranscript } from './transcript.ts';

export interface RouterOptions {
  /** Number of messages per episode, 1 or more. Default: the number of agents. */
  readonly turns: number | undefined;
  /** `round_robin`: agents in order of id; `random`: a uniformly drawn agent at each turn. Default `round_robin`. */
  readonly order: 'round_robin' | 'random';
  /** Seed of the random choices. Default 1. */
  readonly seed: number;
}

export const DEFAULT_ROUTER: RouterOptions = { turns: undefined, order: 'round_robin', seed: 1 };

/**
 * Creates the protocol. With order `random` the active agent is drawn from a random stream named by the seed,
 * the turn and all earlier messages. The choice therefore depends only on the transcript, and it differs
 * between episodes with different transcripts. The agent of the first turn is the same in all episodes.
 *
 * @param agents - number of agents, >= 1
 */
export function createRouter(agents: number, options: Partial<RouterOptions> = {}): Protocol {
  const { order, seed, turns = agents } = { ...DEFAULT_ROUTER, ...options };
  const agentAt = (turn: number, messages: readonly ProtocolMessage[]): number =>
    order === 'round_robin' ? turn % agents : randomStream(seed, turn, ...streamKeys(messages)).int(agents);
  return {
    name: 'router',
    maxTurns: turns,
    active: (turn, messages) => (turn < turns ? [agentAt(turn, messages)] : []),
    view: (item, agent, messages, instruction) => sharedTranscript(item, agent, { messages, instruction }),
    decide: (messages) => messages[messages.length - 1],
    moves: { active: (turn, messages) => [agentAt(turn, messages)], choose: ([only]) => only },
  };
}

/**
 * Returns the keys of the random stream: for each message its agent, its number of tokens and its token ids.
 */
function streamKeys(messages: readonly ProtocolMessage[]): number[] {
  return messages.flatMap(({ agent, tokens }) => [agent, tokens.length, ...tokens]);
}
