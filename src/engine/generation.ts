/**
 * The port for serving. A request joins the running batch at any time, receives every token in a callback, and can
 * end at any token. Training samples through `Model.sample`, always from the full softmax (E9); only this port
 * supports greedy and top-p (nucleus) sampling.
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
   * Log-probability in the full softmax at the request's temperature (at temperature 1 for greedy sampling), nats;
   * the same number as `Completion.logp`. It breaks ties between votes.
   */
  readonly logp: number;
  /** With `topLogprobs`: the token's log-probability at temperature 1, and the most likely tokens. */
  readonly ranked?: { readonly logp: number; readonly top: readonly RankedToken[] };
}

/** A message to generate. */
export interface GenerationRequest {
  /** Token ids before the message, at least one. */
  readonly context: Int32Array;
  /** Random stream of this message; one uniform draw per token, none for greedy sampling. */
  readonly stream: RandomStream;
  /** >= 0; 0: greedy (ties: the lowest token id). */
  readonly temperature: number;
  /** In (0, 1]; samples from the smallest set of most likely tokens whose total probability reaches this value. */
  readonly topP: number;
  /** Upper bound on the message's tokens; the model's maximum context bounds it too. */
  readonly maxTokens: number;
  /** Number of most likely tokens to report per token; undefined: `ranked` is absent. */
  readonly topLogprobs?: number;
  /** Client of the request: clients share the batch evenly. Default: one client for all requests. */
  readonly fairKey?: string;
  readonly signal?: AbortSignal;
  /** Called with every token, including the end token; returning `false` ends the message after this token. */
  readonly onToken?: (token: GeneratedToken) => boolean | undefined;
}

/** A generated message. */
export interface Generation {
  /** Includes the end token if the model produced one. Never empty. */
  readonly tokens: Int32Array;
  /** `GeneratedToken.logp` of each token. */
  readonly logp: Float32Array;
  /** `stop`: the end token was drawn or `onToken` returned false. */
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
   * @throws the signal's reason if it aborts while the request is queued or in flight
   * @throws EngineError if the context leaves no room for a message (`TROUPE_ENGINE_CONTEXT`), or if the generator
   *   does not support the sampling parameters (`TROUPE_ENGINE_UNSUPPORTED`)
   */
  generate(request: GenerationRequest): Promise<Generation>;
  load(): GeneratorLoad;
  /** Rejects new requests, and queued and in-flight ones, with an EngineError. */
  close(): Promise<void>;
}

/** Limits of a generator; each engine has its defaults. */
export interface GeneratorOptions {
  /** Maximum number of messages decoded together. */
  readonly maxBatch?: number;
  /** Maximum size of the key/value cache, bytes; one message is always admitted. */
  readonly maxCacheBytes?: number;
  /** Maximum padded context tokens that are prefilled between two decode steps. */
  readonly prefillTokens?: number;
}
