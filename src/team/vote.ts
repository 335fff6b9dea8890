/**
 * `vote`: every agent answers the prompt at once, without seeing the others; the team's answer is the
 * plurality (ties: higher mean logp, then lower id). With an interactive task every turn is such a vote, on
 * the next message to the environment.
 * @module
 */
import { plurality } from './plurality.ts';
import type { Protocol } from './team.ts';
import { opening } from './transcript.ts';

export function createVote(): Protocol {
  return {
    name: 'vote',
    maxTurns: 1,
    agentsAnswer: true,
    votes: true,
    active: (turn, _spoken, agents) => (turn === 0 ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, _agent, _spoken, instruction) => opening(item, instruction),
    decide: plurality,
    moves: {
      active: (_turn, _spoken, agents) => Array.from({ length: agents }, (_, id) => id),
      choose: plurality,
    },
  };
}
