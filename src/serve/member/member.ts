/**
 * The port of whoever can speak for a team that is served: a model in this process, or one behind an
 * endpoint. Text goes in and out, because members need not share a vocabulary.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { ChatMessage } from '../../engine/engine.ts';

/** How a message is drawn; the words of the OpenAI API. */
export interface Sampling {
  /** >= 0; 0: greedy. */
  readonly temperature: number;
  /** In (0, 1]. */
  readonly topP: number;
  readonly maxTokens: number;
  /** Texts that end the message before them. */
  readonly stop: readonly string[];
  /** How many alternatives to report with each token; undefined: no log-probabilities at all. */
  readonly topLogprobs?: number;
}

/** What a member continues: a chat, or a raw text (`/v1/completions`). */
export type Prompt =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  /** UTF-8 bytes, of a part of a character too; absent where nobody knows them. */
  readonly bytes?: readonly number[];
  readonly top: readonly Omit<TokenLogprob, 'top'>[];
}

/** A piece of a message that is certain to be part of it. */
export interface MessagePiece {
  readonly text: string;
  /** Tokens that ended in this piece; empty unless log-probabilities were asked for. */
  readonly logprobs: readonly TokenLogprob[];
}

/** Tokens of one message. */
export interface Spent {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface SpeakRequest {
  readonly prompt: Prompt;
  readonly sampling: Sampling;
  /** Draws of this message; an endpoint gets a seed from it if `seeded`. */
  readonly stream: RandomStream;
  /** Whether the client named a seed and so expects the same answer again. */
  readonly seeded: boolean;
  /** Whose request it is; members that batch share themselves evenly between keys. */
  readonly fairKey: string;
  readonly signal: AbortSignal;
  /**
   * Told of each piece as it is written; together they are the message's text. With a listener a member does
   * not try again once the first piece is out.
   */
  readonly onPiece?: (piece: MessagePiece) => void;
  /** Told what was spent so far, for messages that are not waited for to the end. */
  readonly onProgress?: (spent: Spent) => void;
}

export interface MemberMessage {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Token ids where the member's own model sampled them; what it said earlier is then never re-tokenised. */
  readonly tokens?: Int32Array;
  /** Mean log-probability per token, nats; -Infinity where the member tells none, so that it loses ties. */
  readonly meanLogp: number;
  readonly logprobs: readonly TokenLogprob[];
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** How often it was asked until it answered; 1: at once. */
  readonly attempts: number;
}

export type MemberFault =
  /** The prompt does not fit: the client's mistake. */
  | 'context_length'
  /** The member cannot do what was asked (e.g. token ids to an endpoint without them): the client's mistake. */
  | 'unsupported'
  | 'timeout'
  /** Not reachable, or it answered with an error or with nonsense. */
  | 'unavailable'
  /** Not asked, because it failed too often lately. */
  | 'circuit_open'
  | 'engine';

/** A member did not answer. The message is for operators and clients: it holds no keys and no prompts. */
export class MemberError extends Error {
  override readonly name = 'MemberError';
  readonly fault: MemberFault;
  readonly attempts: number;

  constructor(
    message: string,
    { fault, attempts = 1, cause }: { fault: MemberFault; attempts?: number; cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
    this.attempts = attempts;
  }
}

export interface MemberHealth {
  readonly ready: boolean;
  /** Why not, or how it is doing; one clause. */
  readonly state: string;
  readonly running: number;
  readonly waiting: number;
}

export interface Member {
  readonly name: string;
  readonly kind: 'embedded' | 'endpoint';
  /** System message of this member; absent: none. */
  readonly instruction?: string;
  /** Longest context plus message, where it is known. */
  readonly maxContext?: number;
  /** @throws MemberError when it does not answer; the signal's reason when that aborted */
  speak(request: SpeakRequest): Promise<MemberMessage>;
  health(): MemberHealth;
  close(): Promise<void>;
}
