/**
 * `debate`: every agent answers at once, several rounds, each time seeing the round before; the last
 * round is put to the vote.
 * @see Du et al., "Improving factuality and reasoning through multiagent debate", arXiv 2305.14325
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import { plurality } from './plurality.ts';
import type { Protocol } from './team.ts';
import { opening, ownMessage } from './transcript.ts';

export interface DebateOptions {
  /** Rounds of answers, 1 or more; one round is `vote`. Default 2. */
  readonly rounds: number;
}

export const DEFAULT_DEBATE: DebateOptions = { rounds: 2 };

/**
 * An agent sees the prompt, its own last answer as an assistant message, and each other agent's last
 * answer as a user message, in order of id.
 *
 * Differs from Du et al.: the others' answers come without a sentence around them, because a small
 * model's vocabulary may not hold it; an agent's instruction can say what they are.
 */
export function createDebate({ rounds }: DebateOptions = DEFAULT_DEBATE): Protocol {
  return {
    name: 'debate',
    maxTurns: rounds,
    agentsAnswer: true,
    votes: true,
    active: (turn, _spoken, agents) => (turn < rounds ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, agent, spoken, instruction) => {
      const lastTurn = spoken.reduce((last, message) => Math.max(last, message.turn), -1);
      const lastRound = spoken.filter((message) => message.turn === lastTurn);
      const own = lastRound.filter((message) => message.agent === agent).map(ownMessage);
      const others = lastRound
        .filter((message) => message.agent !== agent)
        .sort((a, b) => a.agent - b.agent)
        .map((message): ChatMessage => ({ role: 'user', content: message.text }));
      return [...opening(item, instruction), ...own, ...others];
    },
    decide: (spoken, answerOf) =>
      plurality(
        spoken.filter((message) => message.turn === rounds - 1),
        answerOf,
      ),
  };
}
