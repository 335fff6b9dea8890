/**
 * The interface of an agent of a served team. It has two implementations: a model in this process
 * (`embedded-agent.ts`), and a model behind an OpenAI-compatible endpoint (`endpoint-agent.ts`). Prompts and
 * messages are text, because the agents of a team may have different vocabularies.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { ChatMessage } from '../../engine/engine.ts';
import type { PromptExample } from '../../team/examples.ts';

/** Sampling parameters of one message. Names and ranges are those of the OpenAI API. */
export interface SamplingParams {
  /** >= 0; 0: greedy. */
  readonly temperature: number;
  /** Cumulative probability of nucleus sampling, in (0, 1]. */
  readonly topP: number;
  /** Maximum number of tokens in the message, >= 1. */
  readonly maxTokens: number;
  /** Stop sequences. The message ends before the first stop sequence in its text. */
  readonly stop: readonly string[];
  /** Number of alternative tokens reported at each position; undefined: no log-probabilities are reported. */
  readonly topLogprobs?: number;
}

/** The input of an agent: a chat; or, for `/v1/completions`, raw text or token ids. */
export type Prompt =
  | { readonly kind: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tokens'; readonly tokens: readonly number[] };

export interface TokenLogprob {
  readonly token: string;
  /** Log-probability at temperature 1, nats. */
  readonly logprob: number;
  /** UTF-8 bytes of the token, which may be a part of a character; absent if the bytes are unknown. */
  readonly bytes?: readonly number[];
  /** The most probable tokens at this position, most probable first. */
  readonly top: readonly Omit<TokenLogprob, 'top'>[];
}

/** The next part of a streamed message. Later tokens do not change a part that was emitted. */
export interface MessageDelta {
  readonly text: string;
  /** Log-probabilities of the tokens that end in this part; empty unless log-probabilities were requested. */
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
  /** Random stream of this message. If `seeded`, an endpoint gets a seed drawn from this stream. */
  readonly stream: RandomStream;
  /** Whether the client set a seed and therefore expects a reproducible message. */
  readonly seeded: boolean;
  /** API key or address of the client. Agents that batch requests share the batch evenly between clients. */
  readonly fairKey: string;
  readonly signal: AbortSignal;
  /**
   * Called with each part of the message; the concatenated parts are its text. After the first call the agent
   * does not retry the request.
   */
  readonly onDelta?: (delta: MessageDelta) => void;
  /**
   * Called with the number of tokens used so far. For a cancelled message this is the only record of its
   * tokens.
   */
  readonly onUsage?: (usage: TokenUsage) => void;
}

/** A finished message of an agent. */
export interface AgentMessage {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /**
   * Token ids, if the agent's model runs in this process. Later prompts reuse them instead of tokenizing
   * `text` again.
   */
  readonly tokens?: Int32Array;
  /**
   * Mean log-probability per token, nats. -Infinity if the agent reports none: the message then loses ties of
   * votes.
   */
  readonly meanLogp: number;
  readonly logprobs: readonly TokenLogprob[];
  readonly usage: TokenUsage;
  /** Number of attempts that the message needed, >= 1. */
  readonly attempts: number;
}

export type AgentErrorCode =
  /** The prompt does not fit into the context window: an error of the client. */
  | 'context_length'
  /** The agent does not support the request, such as token ids for another vocabulary: an error of the client. */
  | 'unsupported'
  | 'timeout'
  /** The endpoint is not reachable, or its response is an error or malformed. */
  | 'unavailable'
  /** No request was sent, because recent requests failed. */
  | 'circuit_open'
  | 'engine';

/**
 * Error of an agent that produced no message. Operators and clients see its text, so it contains no API keys
 * and no prompts.
 */
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
  /** State of the model or of the circuit breaker, as one clause of text. */
  readonly state: string;
  readonly running: number;
  readonly waiting: number;
}

export interface ServedAgent {
  readonly name: string;
  readonly kind: 'embedded' | 'endpoint';
  /** System message of this agent; absent: none. */
  readonly instruction?: string;
  /** Few-shot examples, as chat turns before the conversation; absent: none. */
  readonly examples?: readonly PromptExample[];
  /** Maximum number of tokens of prompt and message together; absent if unknown. */
  readonly maxContext?: number;
  /** Generates a message. @throws AgentError if generation fails; the signal's reason if it aborts */
  generate(request: AgentRequest): Promise<AgentMessage>;
  health(): AgentHealth;
  close(): Promise<void>;
}
