/**
 * The interface for serving. A request joins the running batch at any time, receives every token in a
 * callback, and can end at any token. Training samples through `Model.sample`, always from the full softmax
 * (E9); only this interface supports greedy and top-p (nucleus) sampling.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/** One token of the vocabulary with its log-probability at temperature 1, nats. */
export interface RankedToken {
  readonly token: number;
  readonly logp: number;
}

/** A token of a message in progress. */
export interface GeneratedToken {
  readonly token: number;
  /**
   * Log-probability in the full softmax at the request's temperature (at temperature 1 for greedy sampling),
   * nats. `Completion.logp` is defined in the same way. If the votes of a team are tied, this value decides.
   */
  readonly logp: number;
  /**
   * The token's log-probability at temperature 1, nats, and the most likely tokens. Present if the request
   * has `topLogprobs`.
   */
  readonly ranked?: { readonly logp: number; readonly top: readonly RankedToken[] };
}

/** A message to generate. */
export interface GenerationRequest {
  /** Token ids before the message, at least one. */
  readonly context: Int32Array;
  /** Random stream of this message. Each token takes one uniform draw; greedy sampling takes none. */
  readonly stream: RandomStream;
  /**
   * Sampling temperature, >= 0. 0 means greedy sampling; among equal logits the lowest token id is chosen.
   */
  readonly temperature: number;
  /**
   * Probability in (0, 1]: tokens are sampled from the smallest set of most likely tokens whose total
   * probability reaches it.
   */
  readonly topP: number;
  /** Maximum number of tokens of the message. The model's maximum context is a further limit. */
  readonly maxTokens: number;
  /**
   * Number of most likely tokens to report for each token. If undefined, `GeneratedToken.ranked` is absent.
   */
  readonly topLogprobs?: number;
  /**
   * Identifies the client that sent the request. Clients share the batch evenly. Default: one client for all
   * requests.
   */
  readonly fairKey?: string;
  readonly signal?: AbortSignal;
  /** Called with every token, including the end token; returning `false` ends the message after this token. */
  readonly onToken?: (token: GeneratedToken) => boolean | undefined;
}

/** A generated message. */
export interface Generation {
  /** Tokens of the message, including the end token if the model produced one. Never empty. */
  readonly tokens: Int32Array;
  /** Log-probability of each token, nats; see `GeneratedToken.logp`. */
  readonly logp: Float32Array;
  /**
   * `stop`: the end token was drawn, or `onToken` returned false. `length`: the message reached its maximum
   * length.
   */
  readonly finish: 'stop' | 'length';
}

/** Current load of a generator. */
export interface GeneratorLoad {
  /** In-flight messages. */
  readonly running: number;
  /** Queued messages. */
  readonly waiting: number;
  /** Tokens drawn since the generator was created. */
  readonly tokens: number;
  /** Bytes allocated for the key/value cache. */
  readonly cacheBytes: number;
}

/** Decodes concurrent requests in one batch. A message's tokens do not depend on the other requests. */
export interface MessageGenerator {
  /**
   * Generates one message.
   *
   * @throws the signal's reason if it aborts while the request is queued or in flight
   * @throws EngineError if the context leaves no room for a message (`TROUPE_ENGINE_CONTEXT`), or if the
   *   generator does not support the sampling parameters (`TROUPE_ENGINE_UNSUPPORTED`)
   */
  generate(request: GenerationRequest): Promise<Generation>;
  load(): GeneratorLoad;
  /** Rejects all queued, in-flight and later requests with an EngineError. */
  close(): Promise<void>;
}

/** Limits of a generator; each engine has its defaults. */
export interface GeneratorOptions {
  /** Maximum number of messages decoded together. */
  readonly maxBatch?: number;
  /**
   * Maximum size of the key/value cache, bytes. A single message is always admitted, even if it exceeds the
   * limit.
   */
  readonly maxCacheBytes?: number;
  /** Maximum number of context tokens, including padding, that are prefilled between two decode steps. */
  readonly prefillTokens?: number;
}
