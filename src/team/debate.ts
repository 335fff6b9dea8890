/**
 * `debate`: all agents answer in every round, and from the second round on their prompts contain the answers of
 * the round before. The plurality of the last round is the team's answer.
 * @see Du et al., "Improving factuality and reasoning through multiagent debate", arXiv 2305.14325
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import { plurality } from './plurality.ts';
import type { Protocol } from './team.ts';
import { openingMessages, ownChatMessage } from './transcript.ts';

export interface DebateOptions {
  /** Number of rounds, 1 or more; a debate of one round equals `vote`. Default 2. */
  readonly rounds: number;
}

export const DEFAULT_DEBATE: DebateOptions = { rounds: 2 };

/**
 * Creates the protocol. An agent's prompt contains the item, its own last answer as an assistant message, and
 * each other agent's last answer as a user message, in order of id.
 *
 * Differs from Du et al., who put a sentence around each of the other agents' answers. That sentence is
 * omitted, because the vocabulary of a small model may lack its characters. An agent's instruction can
 * explain the answers.
 */
export function createDebate({ rounds }: DebateOptions = DEFAULT_DEBATE): Protocol {
  return {
    name: 'debate',
    maxTurns: rounds,
    agentsAnswer: true,
    votes: true,
    active: (turn, _messages, agents) => (turn < rounds ? Array.from({ length: agents }, (_, id) => id) : []),
    view: (item, agent, messages, instruction) => {
      const lastTurn = messages.reduce((last, message) => Math.max(last, message.turn), -1);
      const lastRound = messages.filter((message) => message.turn === lastTurn);
      const own = lastRound.filter((message) => message.agent === agent).map(ownChatMessage);
      const others = lastRound
        .filter((message) => message.agent !== agent)
        .sort((a, b) => a.agent - b.agent)
        .map((message): ChatMessage => ({ role: 'user', content: message.text }));
      return [...openingMessages(item, instruction), ...own, ...others];
    },
    decide: (messages, answerOf) =>
      plurality(
        messages.filter((message) => message.turn === rounds - 1),
        answerOf,
      ),
  };
}
