/**
 * The result of a team's protocol on one question: the answer, the turn of every agent, the vote, and the events
 * that are streamed while the protocol runs.
 * @module
 */
import type {
  AgentErrorCode,
  AgentMessage,
  MessageDelta,
  TokenLogprob,
  TokenUsage,
} from '../agent/served-agent.ts';

/** One turn of one agent, whatever its outcome. */
interface TurnRecord {
  /** Turn of the protocol: 0, 1, ... */
  readonly turn: number;
  /** Id of the agent. */
  readonly agent: number;
  readonly name: string;
  readonly attempts: number;
  readonly usage: TokenUsage;
  readonly durationMs: number;
}

export interface AnsweredTurn extends TurnRecord {
  readonly status: 'answered';
  readonly message: AgentMessage;
  /** Extracted answer in normal form; absent where the message has none. */
  readonly answer?: string;
}

export interface FailedTurn extends TurnRecord {
  readonly status: 'failed';
  readonly error: { readonly code: AgentErrorCode; readonly message: string };
}

/** The vote was decided before the agent finished. */
export interface CancelledTurn extends TurnRecord {
  readonly status: 'cancelled';
}

export type AgentTurn = AnsweredTurn | FailedTurn | CancelledTurn;

export interface VoteCount {
  readonly winner: string | undefined;
  /** Answers with the names of their agents, the winner first, then by votes. */
  readonly counts: readonly { readonly answer: string; readonly agents: readonly string[] }[];
  /** Names of agents whose message has no answer. */
  readonly withoutAnswer: readonly string[];
}

export interface EarlyStop {
  /** Ballots after which the winner could not change. */
  readonly decidedAfter: number;
  /** Names of the agents that were cancelled. */
  readonly cancelled: readonly string[];
  /** Tokens that the cancelled messages would still have cost at the mean length of the finished ones. */
  readonly tokensSavedEstimate: number;
}

export interface TeamAnswer {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Of the tokens of the answer; absent where an agent reports none. */
  readonly logprobs?: readonly TokenLogprob[];
  readonly turns: readonly AgentTurn[];
  readonly vote?: VoteCount;
  readonly earlyStop?: EarlyStop;
  /** Whether a turn of an agent failed. */
  readonly isDegraded: boolean;
}

/** Progress of a protocol. */
export type TeamEvent =
  | { readonly kind: 'agent_start'; readonly turn: number; readonly agent: number }
  | {
      readonly kind: 'agent_delta';
      readonly turn: number;
      readonly agent: number;
      readonly delta: MessageDelta;
    }
  | { readonly kind: 'agent_end'; readonly turn: AgentTurn }
  /** The next part of the team's answer; it is final. */
  | { readonly kind: 'answer_delta'; readonly delta: MessageDelta };

/** Too few agents answered for the team to answer. */
export class TeamUnavailableError extends Error {
  override readonly name = 'TeamUnavailableError';
  readonly turns: readonly AgentTurn[];
  /** The error code that all failed agents share, if there is one: then it may be an error of the client. */
  readonly code: AgentErrorCode | undefined;

  constructor(turns: readonly AgentTurn[], { needed, answered }: { needed: number; answered: number }) {
    const errors = turns.flatMap((turn) => (turn.status === 'failed' ? [turn.error] : []));
    const detail = errors[0]?.message ?? 'no agent was active';
    super(`team: expected at least ${needed} agents to answer, got ${answered}; ${detail}`);
    this.turns = turns;
    const codes = new Set(errors.map(({ code }) => code));
    this.code = codes.size === 1 ? errors[0]?.code : undefined;
  }
}
