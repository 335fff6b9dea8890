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

/** Fields of a turn of an agent that do not depend on its outcome. */
interface TurnRecord {
  /** Index of the turn in the protocol: 0, 1, ... */
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
  /** Extracted answer in normal form; absent if the message has no answer. */
  readonly answer?: string;
  /** Whether the message counts as no answer because it was cut off. */
  readonly isRejected: boolean;
}

export interface FailedTurn extends TurnRecord {
  readonly status: 'failed';
  readonly error: { readonly code: AgentErrorCode; readonly message: string };
}

/** The turn of an agent that was cancelled because the vote was decided without it. */
export interface CancelledTurn extends TurnRecord {
  readonly status: 'cancelled';
}

export type AgentTurn = AnsweredTurn | FailedTurn | CancelledTurn;

export interface VoteCount {
  readonly winner: string | undefined;
  /** Each answer with the names of its agents: first the winner, then by decreasing number of votes. */
  readonly counts: readonly { readonly answer: string; readonly agents: readonly string[] }[];
  /** Names of agents whose message has no answer. */
  readonly withoutAnswer: readonly string[];
}

export interface EarlyStop {
  /** Number of ballots after which the winner could no longer change. */
  readonly decidedAfter: number;
  /** Names of the agents that were cancelled. */
  readonly cancelled: readonly string[];
  /**
   * Estimated number of tokens that were not generated because of the cancellation. The estimate assumes that
   * cancelled messages would have had the mean length of the finished ones.
   */
  readonly tokensSavedEstimate: number;
}

export interface TeamAnswer {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Log-probabilities of the answer's tokens; absent if an agent of the answer reports none. */
  readonly logprobs?: readonly TokenLogprob[];
  readonly turns: readonly AgentTurn[];
  readonly vote?: VoteCount;
  readonly earlyStop?: EarlyStop;
  /** Whether at least one turn of an agent failed. */
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

/** Error for a protocol in which fewer agents answered than the team requires. */
export class TeamUnavailableError extends Error {
  override readonly name = 'TeamUnavailableError';
  readonly turns: readonly AgentTurn[];
  /**
   * Error code of the failed agents if all have the same code, else undefined. An equal code may mean a
   * client error.
   */
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
