/**
 * The port between the SAT algorithm and the engines that run models. Engines do not depend on SAT, and the
 * algorithm does not depend on tensors: only token ids, per-token log-probabilities (nats), per-token cotangents
 * and per-state divergences cross the port. `contract.ts` is the test suite that every engine must pass.
 * @see docs/algorithm.md for the equations (E9)
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import type { DecodeBatch } from './decode-batch.ts';
import type { GeneratorOptions, MessageGenerator } from './generation.ts';

/** What a model supports; checked before a run starts, so that a run does not fail half-way. */
export interface Capabilities {
  /** Divergences are exact sums over the full vocabulary (E27); gate 1 needs them. */
  readonly exactKl: boolean;
  readonly trainable: boolean;
  readonly parameters: 'full' | 'lora' | 'table' | 'none';
  readonly dtype: string;
  /** Largest context plus message, in tokens. */
  readonly maxContext: number;
  /** Each such model computes on its own device or worker, so calls on several of them run concurrently. */
  readonly parallel?: boolean;
  /** Sampling backend for reports: `torch`, `vllm 0.11.0`. Absent: the engine itself samples. */
  readonly sampler?: string;
  /** Tolerance between the log-probabilities of sampler and trainer (E9). Absent: float32 rounding of one engine. */
  readonly agreement?: Agreement;
}

/** Upper bounds on |logp_sampler - logp_trainer| per token: its maximum and its mean over a batch, nats. */
export interface Agreement {
  readonly max: number;
  readonly mean: number;
}

/** A function call that a model requested, in the format of OpenAI's API. */
export interface ToolCall {
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name: string; readonly arguments: unknown };
}

/** A message of a chat, in the format of OpenAI's API. */
export interface ChatMessage {
  /** `tool`: the result of a function call. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Reasoning text outside of `content`, for chat templates that support it. */
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly name?: string;
  /** Token ids that this model sampled; inserted unchanged, never re-tokenized. */
  readonly tokens?: Int32Array;
}

/** Inputs of a chat template besides the messages. */
export interface ChatOptions {
  /** Schemas of the functions that the model may call, in the format of OpenAI's API. */
  readonly tools?: readonly unknown[];
  /** Template variables such as `enable_thinking`; they override those that the model was loaded with. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** The checkpoint's own tokenizer and chat template. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** Ids of the tokens that end a message. Demonstrations end with the first one. */
  readonly endTokens: readonly number[];
  /** Token ids of a text, without added special tokens. */
  encode(text: string): Int32Array;
  /** Text of a message, without a final end token. */
  decode(tokens: ArrayLike<number>): string;
  /** UTF-8 bytes of a token that can be a part of a character; undefined for tokens that are stored as text. */
  bytesOf(token: number): Uint8Array | undefined;
  /** Renders the chat template; the result ends where the next assistant message begins. */
  encodeChat(messages: readonly ChatMessage[], options?: ChatOptions): Int32Array;
}

/** A message to sample. */
export interface SampleRequest {
  /** Token ids before the message. Engines run equal contexts through the model once. */
  readonly context: Int32Array;
  /** Random stream of this message; one uniform draw per token. */
  readonly stream: RandomStream;
}

/** Parameters of `Model.sample`. */
export interface SamplingParams {
  /** tau_s of E9, > 0. Tokens are drawn from softmax(z / tau_s), without top-p or top-k. */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
  /** Called when a message finishes, in order of completion. */
  readonly onCompletion?: (index: number, completion: Completion) => void;
}

/** A sampled message. */
export interface Completion {
  /** Tokens of the message, including the end token if the model produced one. Never empty. */
  readonly tokens: Int32Array;
  /** The sampler's log-probability of each token at the sampling temperature, nats. */
  readonly logp: Float32Array;
  readonly finish: 'stop' | 'length';
}

/** One message of one agent with its context: the unit of scoring and training (E2). */
export interface Sequence {
  readonly context: Int32Array;
  readonly tokens: Int32Array;
}

/** Parameters of calls that score sequences. */
export interface ScoreParams {
  /** Temperature of the log-probabilities, > 0. */
  readonly temperature: number;
  readonly signal?: AbortSignal;
}

/** Identifies a snapshot of one model. */
export type SnapshotId = string & { readonly __brand: 'SnapshotId' };

/** Parameters of `Model.backward`. */
export interface BackwardParams extends ScoreParams {
  /** Adds weight * sum over the message's token states of exact KL(new || reference) to the loss (E27, E28, E31). */
  readonly kl?: { readonly reference: SnapshotId; readonly weight: number };
}

/** Result of `Model.backward`. */
export interface BackwardResult {
  /** logp under the weights at which the gradient was computed, per sequence [T]. */
  readonly logp: readonly Float32Array[];
  /** Exact KL(new || reference) at each token state of the message, per sequence [T]; absent without `kl`. */
  readonly kl?: readonly Float32Array[];
}

/** Hyperparameters of one AdamW step (Loshchilov & Hutter, arXiv:1711.05101). */
export interface AdamWParams {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The gradient is clipped to this L2 norm; Infinity disables clipping. */
  readonly maxGradNorm: number;
}

/**
 * Divergences between the current weights (`new`) and a snapshot (`old`) at every token state of the messages,
 * per sequence [T]. KL in nats; total variation in [0, 1].
 */
export interface Divergence {
  readonly klNewOld: readonly Float32Array[];
  readonly klOldNew: readonly Float32Array[];
  readonly tv: readonly Float32Array[];
}

/**
 * State of a policy that is a mixture of an incumbent and a replacement model. Its update is a step along the
 * geometric mixture of the two (E40), not a gradient step, until the replacement alone remains.
 */
export interface Handover {
  /** KL radii of the steps so far, nats per token; the first is that of Stage-0. */
  readonly steps: readonly number[];
  /** Takes one more step whose KL is at most `delta` nats at every token state. */
  advance(delta: number): void;
  /** Mixture weight of the replacement at every token state of the messages, in [0, 1], per sequence [T]. */
  weights(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /** Makes the policy the replacement alone; the incumbent stays in memory only for earlier snapshots. */
  finish(): Promise<void>;
}

/** One agent's model. The caller awaits each call before the next one on the same model. */
export interface Model {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  /** Number of parameters, for reports. */
  readonly parameterCount: number;
  /** Present while the policy is a mixture of two models. */
  readonly handover?: Handover | undefined;

  /** Samples one completion per request; the result is in request order. */
  sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]>;
  /**
   * Opens a generator for serving: requests arrive one by one and may be greedy or top-p (`generation.ts`). The
   * weights must not change while it is open. Absent: this engine cannot serve.
   */
  generator?(options?: GeneratorOptions): MessageGenerator;
  /**
   * Opens a batch whose caller draws the tokens. Mixtures of models need this method and `distributions`; absent:
   * this engine's models cannot be mixed. A batch uses the weights at the time it was opened.
   *
   * @param contexts - contexts of the requests, in loading order
   * @param slots - messages decoded together
   * @throws EngineError if a context leaves no room for a message
   */
  decodeBatch?(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch>;
  /**
   * Computes the log-probabilities of the whole vocabulary at every token state of the messages.
   *
   * @param visit - called once per sequence, in any order, with rows [T, V] that are valid during the call only
   */
  distributions?(
    sequences: readonly Sequence[],
    params: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void>;
  /** Teacher-forced per-token logp under the current weights, per sequence [T]. */
  forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /**
   * Accumulates the gradient of sum(cotangent * logp), plus the KL term, with respect to the weights. It is the
   * gradient of the *loss*: `step` descends along it.
   *
   * @param cotangents - d loss / d logp_new, per sequence [T]
   */
  backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult>;
  /** Takes one AdamW step on the accumulated gradients and clears them; returns their L2 norm before clipping. */
  step(adamw: AdamWParams): Promise<{ readonly gradNorm: number }>;
  /** Clears the accumulated gradients. */
  zeroGradients(): void;
  divergence(sequences: readonly Sequence[], old: SnapshotId, params: ScoreParams): Promise<Divergence>;
  /**
   * Score function (E65): the gradient of each sequence's summed logp with respect to the weights
   * [sequences][D]. Absent for models that are too large. Within one call, entry d belongs to the same weight in
   * every row; weights that no sequence depends on may be left out.
   */
  scores?(sequences: readonly Sequence[], params: ScoreParams): Promise<Float64Array[]>;
  /** Copies weights and optimizer state in memory, byte for byte. */
  snapshot(): Promise<SnapshotId>;
  /** Restores every byte of the snapshot and clears accumulated gradients; the snapshot stays valid. */
  restore(id: SnapshotId): Promise<void>;
  release(id: SnapshotId): void;
  /** Writes a Hugging Face folder (weights, config, tokenizer) and the optimizer state. */
  save(dir: string): Promise<void>;
  close(): Promise<void>;
}

/** Parameters of `Engine.load`. */
export interface LoadOptions {
  /** Folder of a checkpoint or, if the engine supports it, of an adapter. */
  readonly dir: string;
  /** Also load the optimizer state, if the folder has one. Default false: a fresh optimizer. */
  readonly optimizer?: boolean;
  /** The model will be trained; an engine may reject it if memory does not suffice for training. Default false. */
  readonly training?: boolean;
  /** Chat template variables for every chat of this model. */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>>;
}

/** A backend that loads and runs models. */
export interface Engine {
  readonly name: string;
  load(options: LoadOptions): Promise<Model>;
  close(): Promise<void>;
}
