/**
 * The engine port: the interface between the SAT algorithm and the engines that run models. Engines do not
 * depend on SAT, and the algorithm does not depend on tensors: only token ids, per-token log-probabilities
 * (nats), per-token cotangents (derivatives of the loss with respect to the log-probabilities) and
 * divergences between next-token distributions cross the port. `contract.ts` contains the tests that every
 * engine must pass.
 *
 * A message is the text that one agent samples in one turn. Each of its tokens has a token state: the context
 * of the message and the message's tokens before this one.
 * @see docs/algorithm.md for the equations to which numbers such as E9 refer
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import type { DecodeBatch } from './decode-batch.ts';
import type { GeneratorOptions, MessageGenerator } from './generation.ts';

/** Capabilities of a model. A run checks them before it starts, so that it does not fail half-way. */
export interface Capabilities {
  /**
   * Whether `divergence` computes exact sums over the full vocabulary (E27). The test whether an update stays
   * within its KL limit (gate 1) requires them.
   */
  readonly exactKl: boolean;
  readonly trainable: boolean;
  readonly parameters: 'full' | 'lora' | 'table' | 'none';
  readonly dtype: string;
  /** Maximum length of context plus message, tokens. */
  readonly maxContext: number;
  /**
   * Whether calls on several models run concurrently, because each model computes on its own device or
   * worker.
   */
  readonly parallel?: boolean;
  /** Name of the sampling backend for reports, e.g. `vllm 0.11.0`. Absent if the engine itself samples. */
  readonly sampler?: string;
  /**
   * Tolerance for the difference between the log-probabilities of the sampler and those of the training pass
   * (E9). Absent if the difference is only float32 rounding.
   */
  readonly agreement?: Agreement;
}

/**
 * Upper bounds on |logp_sampler - logp_trainer|, nats: `max` for every token, `mean` for the mean over a
 * batch.
 */
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
  /** Author of the message. `tool` marks the result of a function call. */
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Reasoning text outside of `content`, for chat templates that support it. */
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
  readonly name?: string;
  /**
   * Token ids, if this model sampled the message. The tokenizer inserts them unchanged and never re-tokenizes
   * the text.
   */
  readonly tokens?: Int32Array;
}

/** Inputs of a chat template besides the messages. */
export interface ChatOptions {
  /** Schemas of the functions that the model may call, in the format of OpenAI's API. */
  readonly tools?: readonly unknown[];
  /**
   * Template variables such as `enable_thinking`; they override the variables with which the model was
   * loaded.
   */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** Tokenizer and chat template of a checkpoint. */
export interface Tokenizer {
  readonly vocabSize: number;
  /** Ids of the tokens that end a message. Training demonstrations end with the first id. */
  readonly endTokens: readonly number[];
  /** Encodes a text without adding special tokens. */
  encode(text: string): Int32Array;
  /** Decodes a message. A final end token is omitted. */
  decode(tokens: ArrayLike<number>): string;
  /**
   * Returns the UTF-8 bytes of a token that stands for bytes, which can be a part of a character. Returns
   * undefined for tokens that are stored as text.
   */
  bytesOf(token: number): Uint8Array | undefined;
  /**
   * Renders the chat template and returns its token ids, which end where the next assistant message begins.
   */
  encodeChat(messages: readonly ChatMessage[], options?: ChatOptions): Int32Array;
}

/** A message to sample. */
export interface SampleRequest {
  /** Token ids before the message. Engines prefill equal contexts only once. */
  readonly context: Int32Array;
  /** Random stream of this message. Each token takes one uniform draw. */
  readonly stream: RandomStream;
}

/** Parameters of `Model.sample`. */
export interface SamplingParams {
  /**
   * Sampling temperature, > 0 (tau_s in E9). Tokens are drawn from softmax(logits / temperature), without
   * top-p or top-k.
   */
  readonly temperature: number;
  readonly maxTokens: number;
  readonly signal?: AbortSignal;
  /** Called when a message finishes, with the index of its request. Messages finish in any order. */
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
  /**
   * Adds weight * sum of KL(new || reference) over the token states of all messages to the loss (E28, E31).
   * The KL is an exact sum over the vocabulary (E27).
   */
  readonly kl?: { readonly reference: SnapshotId; readonly weight: number };
}

/** Result of `Model.backward`. */
export interface BackwardResult {
  /** logp under the weights at which the gradient was computed, per sequence [T]. */
  readonly logp: readonly Float32Array[];
  /**
   * Exact KL(new || reference) at each token state of the message, per sequence [T]; absent if
   * `BackwardParams.kl` is absent.
   */
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

/** Options of the calls that clear the accumulated gradients. */
export interface GradientOptions {
  /**
   * Whether the accumulated gradients are kept. Default false. After `step` and `restore` with kept gradients,
   * a further `step` descends along the same gradient from the restored weights, with the same result as if
   * the gradient had been computed again.
   */
  readonly keepGradients?: boolean;
}

/**
 * Divergences between the next-token distributions of the current weights (`new`) and of a snapshot (`old`)
 * at every token state of the messages, per sequence [T]. KL in nats; total variation in [0, 1].
 */
export interface Divergence {
  readonly klNewOld: readonly Float32Array[];
  readonly klOldNew: readonly Float32Array[];
  readonly tv: readonly Float32Array[];
}

/**
 * State of a policy that is a mixture of an old model (the incumbent) and its replacement. An update of this
 * policy is not a gradient step but a step along the geometric mixture of the two models (E40), until only
 * the replacement remains.
 */
export interface Handover {
  /**
   * Limit on the KL of each step so far, nats per token state. The first step (Stage-0) is the first step
   * from the old model towards its replacement.
   */
  readonly steps: readonly number[];
  /** Takes a further step whose KL is at most `delta` nats at every token state. */
  advance(delta: number): void;
  /**
   * Weight of the replacement (the new model) in the mixture at every token state of the messages, in [0, 1],
   * per sequence [T].
   */
  weights(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /**
   * Removes the incumbent (the old model) from the policy. Its weights stay in memory only for snapshots that
   * were taken before.
   */
  finish(): Promise<void>;
}

/** One agent's model. The caller awaits each call before it makes the next call on the same model. */
export interface Model {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  /** Number of parameters, for reports. */
  readonly parameterCount: number;
  /**
   * Progress of the replacement of an old model by a new one. Present while the policy is a mixture of both.
   */
  readonly handover?: Handover | undefined;

  /** Samples one completion per request; the result is in request order. */
  sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]>;
  /**
   * Opens a generator for serving: requests arrive one by one and can use greedy or top-p sampling
   * (`generation.ts`). The weights must not change while the generator is open. Absent if the engine cannot
   * serve.
   */
  generator?(options?: GeneratorOptions): MessageGenerator;
  /**
   * Opens a batch whose caller draws the tokens. It uses the weights at the time of this call. Mixtures of
   * models need this method and `distributions`, and are not possible with engines that lack them.
   *
   * @param contexts - contexts of the requests, in the order in which the requests enter the slots
   * @param slots - maximum number of messages that are decoded at the same time
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
  /**
   * Computes the teacher-forced log-probability of each message token under the current weights, per sequence
   * [T].
   */
  forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]>;
  /**
   * Accumulates the gradient of the loss, sum(cotangent * logp) plus the KL term, with respect to the
   * weights. `step` descends along the gradient.
   *
   * @param cotangents - d loss / d logp_new, per sequence [T]
   */
  backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult>;
  /**
   * Takes one AdamW step on the accumulated gradients and clears them, unless `keepGradients` is set. Returns
   * their L2 norm before clipping.
   */
  step(adamw: AdamWParams, options?: GradientOptions): Promise<{ readonly gradNorm: number }>;
  /** Clears the accumulated gradients. */
  zeroGradients(): void;
  divergence(sequences: readonly Sequence[], old: SnapshotId, params: ScoreParams): Promise<Divergence>;
  /**
   * Computes the score function (E65): the gradient of each sequence's summed logp with respect to the D
   * weights, [sequences][D]. Absent for models that are too large. Within one call, entry d belongs to the
   * same weight in every row; weights that affect no sequence can be omitted.
   */
  scores?(sequences: readonly Sequence[], params: ScoreParams): Promise<Float64Array[]>;
  /** Copies weights and optimizer state in memory, byte for byte. */
  snapshot(): Promise<SnapshotId>;
  /**
   * Restores weights and optimizer state byte for byte, and clears accumulated gradients, unless
   * `keepGradients` is set. The snapshot stays valid.
   */
  restore(id: SnapshotId, options?: GradientOptions): Promise<void>;
  release(id: SnapshotId): void;
  /** Writes a Hugging Face folder (weights, config, tokenizer) and the optimizer state. */
  save(dir: string): Promise<void>;
  close(): Promise<void>;
}

/** Parameters of `Engine.load`. */
export interface LoadOptions {
  /** Folder of a checkpoint or, if the engine supports it, of an adapter. */
  readonly dir: string;
  /**
   * Whether to load the optimizer state, if the folder has one. Default false: the optimizer starts without
   * state.
   */
  readonly optimizer?: boolean;
  /**
   * Whether the model will be trained. An engine can reject a model if memory does not suffice for training.
   * Default false.
   */
  readonly training?: boolean;
  /** Chat template variables for every chat of this model. */
  readonly chatTemplateKwargs?: Readonly<Record<string, unknown>>;
  /**
   * Chat template that replaces the one of the folder: `plain`, or the text of a Jinja template. Saving the full
   * model writes it into the folder.
   */
  readonly chatTemplate?: string;
  /**
   * Called with one line for each thing in the folder that is ignored and could matter, such as an unknown key
   * of `config.json`. The line begins with the path of the file. A model that shares a loaded base with other
   * models does not repeat the lines about the base.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A backend that loads and runs models. */
export interface Engine {
  readonly name: string;
  load(options: LoadOptions): Promise<Model>;
  close(): Promise<void>;
}
