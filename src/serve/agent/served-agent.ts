/**
 * The port of an agent of a served team. Two implementations: a model in this process (`embedded-agent.ts`), and a
 * model behind an OpenAI-compatible endpoint (`endpoint-agent.ts`). Prompts and messages are text, because the
 * agents of a team need not share a vocabulary.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { ChatMessage } from '../../engine/engine.ts';

/** How the tokens of one message are sampled; names and ranges are those of the OpenAI API. */
export interface SamplingParams {
  /** >= 0; 0: greedy. */
  readonly temperature: number;
  /** Nucleus probability, in (0, 1]. */
  readonly topP: number;
  /** Most tokens of the message, >= 1. */
  readonly maxTokens: number;
  /** Stop sequences: the message ends before the first of them. */
  readonly stop: readonly string[];
  /** Number of alternatives reported with each token; undefined: no log-probabilities are reported. */
  readonly topLogprobs?: number;
}

/** What the agent continues: a chat, or raw text or token ids (`/v1/completions`). */
export type Prompt =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

export interface TokenLogprob {
  readonly token: string;
  /** Log-probability at temperature 1, nats. */
  readonly logprob: number;
  /** UTF-8 bytes of the token, which may be part of a character; absent where they are unknown. */
  readonly bytes?: readonly number[];
  /** The most probable alternatives, most probable first. */
  readonly top: readonly Omit<TokenLogprob, 'top'>[];
}

/** The next part of a streamed message. It is final: later tokens do not change it. */
export interface MessageDelta {
  readonly text: string;
  /** Tokens that end in this part; empty unless log-probabilities were requested. */
  readonly logprobs: readonly TokenLogprob[];
}

/** Tokens of one message. */
export interface TokenUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface AgentRequest {
  readonly prompt: Prompt;
  readonly sampling: SamplingParams;
  /** Random draws of this message; an endpoint gets a seed drawn from it if `seeded`. */
  readonly stream: RandomStream;
  /** Whether the client set a seed and therefore expects a reproducible message. */
  readonly seeded: boolean;
  /** API key or address of the client; agents that batch requests share the batch evenly between keys. */
  readonly fairKey: string;
  readonly signal: AbortSignal;
  /**
   * Called with each part of the message; the parts add up to its text. An agent does not retry once the first
   * part was passed to this callback.
   */
  readonly onDelta?: (delta: MessageDelta) => void;
  /** Called with the tokens used so far; a cancelled message has no other record of them. */
  readonly onUsage?: (usage: TokenUsage) => void;
}

/** A finished message of an agent. */
export interface AgentMessage {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Token ids sampled by the agent's own model; later prompts reuse them instead of tokenizing `text` again. */
  readonly tokens?: Int32Array;
  /** Mean log-probability per token, nats; -Infinity where the agent reports none, so that it loses ties. */
  readonly meanLogp: number;
  readonly logprobs: readonly TokenLogprob[];
  readonly usage: TokenUsage;
  /** Attempts until the agent answered, >= 1. */
  readonly attempts: number;
}

export type AgentErrorCode =
  /** The prompt does not fit into the context: an error of the client. */
  | 'context_length'
  /** The agent does not support the request, such as token ids for another vocabulary: an error of the client. */
  | 'unsupported'
  | 'timeout'
  /** The endpoint is not reachable, or its response is an error or malformed. */
  | 'unavailable'
  /** No request was sent, because recent requests failed. */
  | 'circuit_open'
  | 'engine';

/** An agent gave no message. The text is for operators and clients: it contains no keys and no prompts. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;
  readonly attempts: number;

  constructor(
    message: string,
    { code, attempts = 1, cause }: { code: AgentErrorCode; attempts?: number; cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.attempts = attempts;
  }
}

export interface AgentHealth {
  readonly ready: boolean;
  /** State of the model or of the circuit breaker, one clause. */
  readonly state: string;
  readonly running: number;
  readonly waiting: number;
}

export interface ServedAgent {
  readonly name: string;
  readonly kind: 'embedded' | 'endpoint';
  /** System message of this agent; absent: none. */
  readonly instruction?: string;
  /** Most tokens of prompt and message together, where known. */
  readonly maxContext?: number;
  /** @throws AgentError if the agent gives no message; the signal's reason if it aborts */
  generate(request: AgentRequest): Promise<AgentMessage>;
  health(): AgentHealth;
  close(): Promise<void>;
}
