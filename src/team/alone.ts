/**
 * A protocol with all agents but one left out: how a member answers when it has no team.
 * @module
 */
import type { Protocol } from './team.ts';

/**
 * The same rules, but only `agent` ever acts, so it sees nobody and its answer is the answer.
 *
 * @param protocol - one whose members answer (`agentsAnswer`), with every agent active at the first turn
 */
export function alone(protocol: Protocol, agent: number): Protocol {
  const { moves } = protocol;
  return {
    ...protocol,
    active: (turn, spoken, agents) => protocol.active(turn, spoken, agents).filter((id) => id === agent),
    ...(moves && {
      moves: {
        ...moves,
        active: (turn, spoken, agents) => moves.active(turn, spoken, agents).filter((id) => id === agent),
      },
    }),
  };
}
