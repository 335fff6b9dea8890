/**
 * The port for serving: one message at a time joins a batch that is already running, is told of every token
 * as it is drawn, and may leave at any of them. Training samples through `Model.sample`, whose distribution
 * is always the full softmax (E9); greedy and nucleus draws exist here alone.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/** One token of the vocabulary with its log-probability at temperature 1, nats. */
export interface RankedToken {
  readonly token: number;
  readonly logp: number;
}

export interface GeneratedToken {
  readonly token: number;
  /**
   * Log-probability in the full softmax at the request's temperature (at 1 for a greedy draw), nats: what
   * votes are broken by, the same number as `Completion.logp`.
   */
  readonly logp: number;
  /** Log-probability at temperature 1 and the likeliest tokens, where `topLogprobs` was given. */
  readonly ranked?: { readonly logp: number; readonly top: readonly RankedToken[] };
}

export interface GenerationRequest {
  /** Token ids before the message, at least one. */
  readonly context: Int32Array;
  /** Draws for this message alone, one uniform per token; a greedy draw takes none. */
  readonly stream: RandomStream;
  /** >= 0; 0: always the likeliest token (of equals the lowest id). */
  readonly temperature: number;
  /** In (0, 1]: draws from the fewest likeliest tokens that together have this probability. */
  readonly topP: number;
  /** Most tokens of the message; the model's room bounds it as well. */
  readonly maxTokens: number;
  /** How many of the likeliest tokens to report with each token; undefined: none, nor the token's own. */
  readonly topLogprobs?: number;
  /** Whose request it is: keys share the batch evenly. Default: one key for all. */
  readonly fairKey?: string;
  readonly signal?: AbortSignal;
  /** Told of every token, the end token included; `false` ends the message with it. */
  readonly onToken?: (token: GeneratedToken) => boolean | undefined;
}

export interface Generation {
  /** The end token included when the model wrote one. Never empty. */
  readonly tokens: Int32Array;
  /** `GeneratedToken.logp` of each. */
  readonly logp: Float32Array;
  /** `stop`: the end token, or `onToken` said so. */
  readonly finish: 'stop' | 'length';
}

export interface GeneratorLoad {
  /** Messages being decoded together now. */
  readonly running: number;
  readonly waiting: number;
  /** Tokens drawn since it was made. */
  readonly tokens: number;
  /** Bytes of keys and values that are allocated. */
  readonly cacheBytes: number;
}

/** Decodes messages as they come. Calls are concurrent; draws do not depend on what else is running. */
export interface MessageGenerator {
  /**
   * @throws the signal's reason when it aborts, waiting or under way
   * @throws EngineError if the context leaves no room for a message (`TROUPE_ENGINE_CONTEXT`), or it cannot
   *   draw like this (`TROUPE_ENGINE_UNSUPPORTED`)
   */
  generate(request: GenerationRequest): Promise<Generation>;
  load(): GeneratorLoad;
  /** Refuses new messages and ends those under way with an EngineError. */
  close(): Promise<void>;
}

export interface GeneratorOptions {
  /** Most messages decoded together. */
  readonly maxBatch?: number;
  /** Most bytes of keys and values; one message is always let in. */
  readonly maxCacheBytes?: number;
  /** Padded tokens of contexts run through the model between two steps of those under way. */
  readonly prefillTokens?: number;
}
