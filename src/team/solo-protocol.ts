/**
 * A protocol restricted to one agent, for the agent's own answer without its team.
 * @module
 */
import type { Protocol } from './team.ts';

/**
 * The same rules with only `agent` ever active, so it sees no other message and its answer is the team's answer.
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
