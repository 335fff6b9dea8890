/**
 * Protocol `vote`: every agent answers the prompt without seeing other answers. The team's answer is the
 * plurality; ties go to the higher mean logp, then to the lower id. With an interactive task every turn is a
 * vote on the next message to the environment.
 * @module
 */
import { plurality } from './plurality.ts';
import type { Protocol } from './team.ts';
import { openingMessages } from './transcript.ts';

export function createVote(): Protocol {
  return {
    name: 'vote',
    maxTurns: 1,
    agentsAnswer: true,
    votes: true,
    active: (turn, _messages, agents) => (turn === 0 ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, _agent, _messages, instruction) => openingMessages(item, instruction),
    decide: plurality,
    moves: {
      active: (_turn, _messages, agents) => Array.from({ length: agents }, (_, id) => id),
      choose: plurality,
    },
  };
}
