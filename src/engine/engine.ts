/**
 * The port between SAT and whatever runs the models. An engine never sees SAT; the algorithm never
 * sees a tensor. Only token ids, per-token log-probabilities (nats), per-token cotangents and
 * per-state divergences pass. `contract.ts` is the test suite every implementation must pass.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import type { DecodeBatch } from './decode-batch.ts';
import type { GeneratorOptions, MessageGenerator } from './generation.ts';

/** What a model can do; checked when a config is read, so nothing fails half-way through a run. */
export interface Capabilities {
  /** Exact full-vocabulary divergences (E27); gate 1 needs them. */
  readonly exactKl: boolean;
  readonly trainable: boolean;
  readonly parameters: 'full' | 'lora' | 'table' | 'none';
  readonly dtype: string;
  /** Largest context plus message, in tokens. */
  readonly maxContext: number;
  /** The model has a place of its own to compute in, so calls on several such models go on at the same time. */
  readonly parallel?: boolean;
  /** What draws messages, for people: `torch`, `vllm 0.11.0`. Absent: the engine itself. */
  readonly sampler?: string;
  /** How nearly sampler and trainer agree (E9). Absent: as float32 numbers of one engine do. */
  readonly agreement?: Agreement;
}

/** Bounds on |logp_sampler - logp_trainer| of a token over a batch, nats. */
export interface Agreement {
  readonly max: number;
  readonly mean: number;
}

/** A call of a function that a model asked for, as OpenAI's API has it. */
export interface ToolCall {
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name: string; readonly arguments: unknown };
}

export interface ChatMessage {
  /** `tool`: what a function answered. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Thinking that is kept apart from the content, where the chat template knows of it. */
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly name?: string;
  /** Token ids as this very model sampled them; spliced in as they are, never re-tokenised. */
  readonly tokens?: Int32Array;
}

/** What a chat template is told besides the messages. */
export interface ChatOptions {
  /** Schemas of functions that the model may call, as OpenAI's API has them. */
  readonly tools?: readonly unknown[];
  /** Switches of the template, `enable_thinking` and the like, over those the model was loaded with. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** Text to token ids and back, exactly as the checkpoint ships it. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** Ids that end a message. The first is the one demonstrations are closed with. */
  readonly endTokens: readonly number[];
  encode(text: string): Int32Array;
  /** Text of a message; a closing end token is left out. */
  decode(tokens: ArrayLike<number>): string;
  /** Bytes of a token that may be a part of a character; undefined where the vocabulary spells it as text. */
  bytesOf(token: number): Uint8Array | undefined;
  /** The context in which the model writes the next assistant message. */
  encodeChat(messages: readonly ChatMessage[], options?: ChatOptions): Int32Array;
}

export interface SampleRequest {
  /** Token ids before the message. Equal contexts are computed once. */
  readonly context: Int32Array;
  /** Draws for this message alone, one uniform per token. */
  readonly stream: RandomStream;
}

export interface SamplingParams {
  /** tau_s of E9; > 0. Sampling is from softmax(z / tau_s), no top-p, no top-k. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
  /** Called as each message finishes, in order of completion. */
  readonly onCompletion?: (index: number, completion: Completion) => void;
}

export interface Completion {
  /** Message tokens, the end token included when the model wrote one. Never empty. */
  readonly tokens: Int32Array;
  /** Sampler's log-probability of each token at the sampling temperature, nats. */
  readonly logp: Float32Array;
  readonly finish: 'stop' | 'length';
}

/** One message of one agent together with what it saw: the unit of scoring and training (E2). */
export interface Sequence {
  readonly context: Int32Array;
  readonly tokens: Int32Array;
}

export interface ScoreParams {
  readonly temperature: number;
  readonly signal?: AbortSignal;
}

export type SnapshotId = string & { readonly __brand: 'SnapshotId' };

export interface BackwardParams extends ScoreParams {
  /** Adds weight * sum over own token states of exact KL(new || reference) to the loss (E27, E28, E31). */
  readonly kl?: { readonly reference: SnapshotId; readonly weight: number };
}

export interface BackwardResult {
  /** logp under the weights the gradient was taken at, per sequence [T]. */
  readonly logp: readonly Float32Array[];
  /** Exact KL(new || reference) per own token state, per sequence [T]; absent without `kl`. */
  readonly kl?: readonly Float32Array[];
}

export interface AdamWParams {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Gradient is scaled down to this L2 norm; Infinity turns clipping off. */
  readonly maxGradNorm: number;
}

/** Divergences between the current weights (`new`) and a snapshot (`old`) at every own token state, nats. */
export interface Divergence {
  readonly klNewOld: readonly Float32Array[];
  readonly klOldNew: readonly Float32Array[];
  readonly tv: readonly Float32Array[];
}

/**
 * A policy on its way from one model to another: its update is a step along the geometric mixture of the two
 * (E40), not a gradient, until the replacement stands alone and trains like any model.
 */
export interface Handover {
  /** Radii of the steps taken so far, nats per token; the first is Stage-0's. */
  readonly steps: readonly number[];
  /** One more step, of at most `delta` at every token state. */
  advance(delta: number): void;
  /** Weight of the replacement at every own token state, 0..1, per sequence [T]. */
  weights(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /** The replacement stands alone from here on; the incumbent is kept only for earlier snapshots. */
  finish(): Promise<void>;
}

/** One agent's model. Calls on one model are not concurrent; the caller awaits each. */
export interface Model {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  /** Number of parameters, for reports. */
  readonly parameterCount: number;
  /** Present while the model is a mixture of two. */
  readonly handover?: Handover | undefined;

  /** One completion per request, in request order. */
  sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]>;
  /**
   * For serving: decodes messages as they come, greedily or from the nucleus too (`generation.ts`). The
   * weights must not change while it is open. Absent: this engine does not serve.
   */
  generator?(options?: GeneratorOptions): MessageGenerator;
  /**
   * The two below are what a policy made of several models is built on; absent: this engine's models cannot be
   * mixed. A batch decodes with the weights of when it was opened.
   *
   * @param contexts - of the requests, in the order they will be loaded
   * @throws EngineError for a context that leaves no room for a message
   */
  decodeBatch?(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch>;
  /**
   * Log-probabilities of the whole vocabulary at every own token state.
   *
   * @param visit - called once per sequence, in any order, with rows [T, V] that are valid during the call
   */
  distributions?(
    sequences: readonly Sequence[],
    params: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void>;
  /** Teacher-forced per-token logp under the current weights, per sequence [T]. */
  forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /**
   * Accumulates d/dweights of sum(cotangent * logp) (+ the KL term). The total *loss* gradient, so
   * `step` descends.
   *
   * @param cotangents - d loss / d logp_new, per sequence [T]
   */
  backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult>;
  /** One AdamW step on what was accumulated, which is then cleared; returns the L2 norm before clipping. */
  step(adamw: AdamWParams): Promise<{ readonly gradNorm: number }>;
  /** Forgets accumulated gradients. */
  zeroGradients(): void;
  divergence(sequences: readonly Sequence[], old: SnapshotId, params: ScoreParams): Promise<Divergence>;
  /**
   * Scores: d/dweights of the summed logp of each sequence [sequences][D], where a model is small enough to
   * give them (E65). Absent: it is not. Entries of one call mean the same weights; weights that no sequence
   * touches may be left out.
   */
  scores?(sequences: readonly Sequence[], params: ScoreParams): Promise<Float64Array[]>;
  /** Weights and optimiser state, byte-exact, kept in memory. */
  snapshot(): Promise<SnapshotId>;
  /** Puts every byte of the snapshot back and clears accumulated gradients; the snapshot stays valid. */
  restore(id: SnapshotId): Promise<void>;
  release(id: SnapshotId): void;
  /** Writes a Hugging Face folder: weights, config, tokenizer; the optimiser's state beside them. */
  save(dir: string): Promise<void>;
  close(): Promise<void>;
}

export interface LoadOptions {
  readonly dir: string;
  /** Also read the optimiser's state, if the folder has one. Default false: a fresh optimiser. */
  readonly optimizer?: boolean;
  /** It will be trained: an engine may refuse a model that has no room for that. Default false. */
  readonly training?: boolean;
  /** Switches of the chat template, for every chat of this model. */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>>;
}

/** A way to run models. */
export interface Engine {
  readonly name: string;
  load(options: LoadOptions): Promise<Model>;
  close(): Promise<void>;
}
