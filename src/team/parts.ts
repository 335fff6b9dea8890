/**
 * Protocol `parts`: every agent writes one part of the answer without seeing the other parts. The team's
 * answer is the parts in order of agent id, joined by single spaces. It is meant for tasks that verify only
 * the joined answer.
 * @module
 */
import { isCutOff } from './cut-off.ts';
import type { Protocol, ProtocolMessage } from './team.ts';
import { openingMessages } from './transcript.ts';

export function createParts(): Protocol {
  return {
    name: 'parts',
    maxTurns: 1,
    agentsAnswer: true,
    active: (turn, _messages, agents) => (turn === 0 ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, _agent, _messages, instruction) => openingMessages(item, instruction),
    decide: (messages) => {
      const parts = [...messages].sort((a, b) => a.agent - b.agent);
      const meanLogp = parts.reduce((sum, part) => sum + part.meanLogp, 0) / parts.length;
      const isCut = parts.some(isCutOff);
      return {
        ...(parts[0] as ProtocolMessage),
        text: parts.map(({ text }) => text).join(' '),
        meanLogp,
        ...(isCut && { finish: 'length' }),
      };
    },
  };
}
