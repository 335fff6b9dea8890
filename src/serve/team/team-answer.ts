/**
 * What a team said to one question: the answer, and everything an operator or a curious client may ask about
 * how it came about.
 * @module
 */
import type { MemberFault, MemberMessage, MessagePiece, TokenLogprob } from '../member/member.ts';

/** One message of one member, or why there was none. */
export interface MemberTurn {
  readonly turn: number;
  /** Id of the member. */
  readonly member: number;
  readonly name: string;
  /** `cancelled`: the vote was decided without it. */
  readonly status: 'answered' | 'failed' | 'cancelled';
  readonly text?: string;
  /** In normal form; absent where none was found. */
  readonly answer?: string;
  readonly finish?: 'stop' | 'length';
  /** Nats per token; absent where the member told none. */
  readonly meanLogp?: number;
  readonly error?: { readonly fault: MemberFault; readonly message: string };
  readonly attempts: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly durationMs: number;
}

/** Answers of a vote in order of votes. */
export interface VoteCount {
  readonly winner: string | undefined;
  readonly counts: readonly { readonly answer: string; readonly members: readonly string[] }[];
  /** Members whose message held no answer. */
  readonly withoutAnswer: readonly string[];
}

export interface EarlyStop {
  /** Ballots after which the winner could not change any more. */
  readonly decidedAfter: number;
  readonly cancelled: readonly string[];
  /** What the cancelled messages would have cost if they were as long as the finished ones. */
  readonly tokensSavedEstimate: number;
}

export interface TeamAnswer {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Of the answer's tokens; absent where a member told none. */
  readonly logprobs?: readonly TokenLogprob[];
  readonly turns: readonly MemberTurn[];
  readonly vote?: VoteCount;
  readonly earlyStop?: EarlyStop;
  /** Whether a member that should have spoken did not. */
  readonly isDegraded: boolean;
}

/** What happens while a team answers. */
export type PlayEvent =
  | { readonly kind: 'member_start'; readonly turn: number; readonly member: number }
  | {
      readonly kind: 'member_piece';
      readonly turn: number;
      readonly member: number;
      readonly piece: MessagePiece;
    }
  | { readonly kind: 'member_end'; readonly turn: MemberTurn }
  /** Certain to be a part of the team's answer; together they are a beginning of it. */
  | { readonly kind: 'answer_piece'; readonly piece: MessagePiece };

/** A message that was said, with what its member reported. */
export interface Said {
  readonly turn: number;
  readonly member: number;
  readonly message: MemberMessage;
}

/** Too few members answered for the team to answer. */
export class TeamUnavailableError extends Error {
  override readonly name = 'TeamUnavailableError';
  readonly turns: readonly MemberTurn[];
  /** Shared by every member that failed, if it is the same with all: then it may be the client's mistake. */
  readonly fault: MemberFault | undefined;

  constructor(turns: readonly MemberTurn[], { needed, answered }: { needed: number; answered: number }) {
    const failed = turns.filter(({ status }) => status === 'failed');
    const first = failed[0]?.error?.message ?? 'nobody spoke';
    super(`team: expected at least ${needed} members to answer, got ${answered}; ${first}`);
    this.turns = turns;
    const faults = new Set(failed.map(({ error }) => error?.fault));
    this.fault = faults.size === 1 ? [...faults][0] : undefined;
  }
}
