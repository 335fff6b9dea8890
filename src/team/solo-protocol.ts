/**
 * Restricts a protocol to one agent, which then answers without its team.
 * @module
 */
import type { Protocol } from './team.ts';

/**
 * Returns the protocol with `agent` as the only active agent. The agent sees no message of other agents, and
 * its answer is the team's answer.
 *
 * @param protocol - one with `agentsAnswer`, in which every agent is active at the first turn
 */
export function soloProtocol(protocol: Protocol, agent: number): Protocol {
  const { moves } = protocol;
  return {
    ...protocol,
    active: (turn, messages, agents) => protocol.active(turn, messages, agents).filter((id) => id === agent),
    ...(moves && {
      moves: {
        ...moves,
        active: (turn, messages, agents) => moves.active(turn, messages, agents).filter((id) => id === agent),
      },
    }),
  };
}
