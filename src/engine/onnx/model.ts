/**
 * One agent's model, which implements the engine port with its parameters, a sampler and a scorer. All models
 * of an architecture share the compiled sessions.
 * @module
 */
import { ConfigError, EngineError } from '../../support/errors.ts';
import type { DecodeBatch } from '../decode-batch.ts';
import type {
  AdamWParams,
  BackwardParams,
  BackwardResult,
  Capabilities,
  Completion,
  Divergence,
  GradientOptions,
  LoadOptions,
  Model,
  SampleRequest,
  SamplingParams,
  ScoreParams,
  Sequence,
  SnapshotId,
  Tokenizer,
} from '../engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../generation.ts';
import { stopTokens } from '../text/stop-tokens.ts';
import { createTokenizer } from '../text/tokenizer.ts';
import { ContinuousBatch, type ContinuousBatchParts } from './decode/continuous-batch.ts';
import { Sampler } from './decode/sampler.ts';
import { layeredTokenBudget } from './execution.ts';
import { LayeredScorer } from './score/layered-scorer.ts';
import { Scorer, type SequenceScorer } from './score/scorer.ts';
import type { Sessions } from './sessions.ts';
import type { Checkpoint } from './weights/checkpoint.ts';
import type { ModelParameters } from './weights/model-parameters.ts';

/** Batch sizes and memory limits of a model. */
export interface ModelOptions {
  /** Maximum number of tokens, including padding, of a forward or backward micro-batch. */
  readonly tokenBudget: number;
  /** Maximum number of messages that are decoded together. */
  readonly decodeBatch: number;
  /**
   * Maximum size of the activations kept between forward and backward when a model runs layer by layer,
   * bytes.
   */
  readonly activationBytes: number;
}

/** A model of the embedded engine; create it with `OnnxEngine.load`. */
export class OnnxModel implements Model {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  readonly #parameters: ModelParameters;
  readonly #scorer: SequenceScorer;
  readonly #sampler: Sampler;
  readonly #batchParts: ContinuousBatchParts;

  /** @param options.where - origin of the checkpoint, for error messages */
  constructor(
    sessions: Sessions,
    checkpoint: Pick<Checkpoint, 'config' | 'tokenizer'> & { readonly parameters: ModelParameters },
    options: ModelOptions & Pick<LoadOptions, 'chatTemplateKwargs'> & { readonly where: string },
  ) {
    const { config } = checkpoint;
    const { where, chatTemplateKwargs: kwargs = {} } = options;
    const endTokens = stopTokens(checkpoint.tokenizer, config.endTokens, {
      vocabSize: config.vocabSize,
      where,
    });
    this.tokenizer = createTokenizer(checkpoint.tokenizer, endTokens, { where, kwargs });
    if (this.tokenizer.vocabSize > config.vocabSize)
      throw new ConfigError(
        `${where}: the tokenizer has ${this.tokenizer.vocabSize} tokens, the model's embedding ${config.vocabSize}; ` +
          'they belong to different models',
      );
    const { parameters } = checkpoint;
    this.capabilities = {
      exactKl: true,
      trainable: true,
      parameters: parameters.kind,
      dtype: parameters.dtype,
      maxContext: config.maxPositions,
    };
    this.#parameters = parameters;
    this.#scorer = createScorer(sessions, parameters, options);
    const parts = { sessions, weights: parameters.weights, endTokens, tokenBudget: options.tokenBudget };
    this.#batchParts = parts;
    this.#sampler = new Sampler({ ...parts, slots: options.decodeBatch });
  }

  get parameterCount(): number {
    return this.#parameters.parameterCount;
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    checkTemperature(params.temperature);
    if (!Number.isInteger(params.maxTokens) || params.maxTokens < 1)
      throw new EngineError(`engine onnx: expected maxTokens >= 1, got ${params.maxTokens}`);
    return this.#sampler.sample(requests, params);
  }

  generator(options: GeneratorOptions = {}): MessageGenerator {
    return new ContinuousBatch(this.#batchParts, options);
  }

  decodeBatch(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch> {
    return this.#sampler.open(contexts, slots);
  }

  async distributions(
    sequences: readonly Sequence[],
    params: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    checkTemperature(params.temperature);
    return this.#scorer.distributions(sequences, params, visit);
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    checkTemperature(params.temperature);
    return this.#scorer.forward(sequences, params);
  }

  async backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    checkTemperature(params.temperature);
    if (cotangents.length !== sequences.length)
      throw new EngineError(
        `engine onnx: expected ${sequences.length} cotangent rows, got ${cotangents.length}`,
      );
    sequences.forEach(({ tokens }, index) => {
      if (cotangents[index]?.length !== tokens.length)
        throw new EngineError(
          `engine onnx: expected ${tokens.length} cotangents for sequence ${index}, got ${cotangents[index]?.length}`,
        );
    });
    return this.#scorer.backward(sequences, cotangents, params);
  }

  async step(adamw: AdamWParams, options: GradientOptions = {}): Promise<{ readonly gradNorm: number }> {
    return { gradNorm: this.#parameters.trainable.stepAdamW(adamw, options) };
  }

  zeroGradients(): void {
    this.#parameters.trainable.zeroGradients();
  }

  async divergence(
    sequences: readonly Sequence[],
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    checkTemperature(params.temperature);
    return this.#scorer.divergence(sequences, cur, params);
  }

  async snapshot(): Promise<SnapshotId> {
    return this.#parameters.trainable.snapshot();
  }

  async restore(id: SnapshotId, options: GradientOptions = {}): Promise<void> {
    this.#parameters.trainable.restore(id, options);
  }

  release(id: SnapshotId): void {
    this.#parameters.trainable.release(id);
  }

  async save(dir: string): Promise<void> {
    this.#parameters.save(dir);
  }

  /**
   * Writes a full model to a folder: the adapter is merged into its base, and the optimizer state is omitted.
   */
  async saveMerged(dir: string): Promise<void> {
    this.#parameters.saveMerged(dir);
  }

  async close(): Promise<void> {
    // the engine owns the sessions, and the garbage collector frees the weights
  }
}

/**
 * Creates a scorer: small models run as one graph, large models and models with a frozen base run layer by
 * layer.
 */
function createScorer(
  sessions: Sessions,
  parameters: ModelParameters,
  options: ModelOptions,
): SequenceScorer {
  const { weights, trainable } = parameters;
  if (sessions.execution === 'whole') return new Scorer(sessions, trainable, options.tokenBudget);
  const activationBytes = options.activationBytes;
  const tokenBudget = Math.min(options.tokenBudget, layeredTokenBudget(sessions.config, activationBytes));
  return new LayeredScorer({
    sessions,
    weights,
    parameters: trainable,
    tokenBudget,
    activationBytes,
  });
}

function checkTemperature(temperature: number): void {
  // the graphs multiply by the float32 reciprocal, so it must be finite and positive
  const inverse = Math.fround(1 / temperature);
  if (!(temperature > 0 && inverse > 0 && Number.isFinite(inverse)))
    throw new EngineError(`engine onnx: expected a temperature > 0, got ${temperature}`);
}
