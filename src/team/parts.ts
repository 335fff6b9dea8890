/**
 * `parts`: every agent writes one part of the answer at once, without seeing the others; the team's answer
 * is the parts in order of id, one blank apart. The protocol for answers that must fit together.
 * @module
 */
import type { Protocol, SpokenMessage } from './team.ts';
import { opening } from './transcript.ts';

export function createParts(): Protocol {
  return {
    name: 'parts',
    maxTurns: 1,
    agentsAnswer: true,
    active: (turn, _spoken, agents) => (turn === 0 ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, _agent, _spoken, instruction) => opening(item, instruction),
    decide: (spoken) => {
      const parts = [...spoken].sort((a, b) => a.agent - b.agent);
      const meanLogp = parts.reduce((sum, part) => sum + part.meanLogp, 0) / parts.length;
      return { ...(parts[0] as SpokenMessage), text: parts.map(({ text }) => text).join(' '), meanLogp };
    },
  };
}
