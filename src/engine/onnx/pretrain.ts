/**
 * Trains a small base model from scratch by next-token prediction on demonstrations of a task. Deterministic: the
 * same seed gives the same bytes.
 * @module
 */
import { randomStream } from '../../core/rng.ts';
import { EngineError } from '../../support/errors.ts';
import type { AdamWParams, ChatMessage, Sequence, Tokenizer } from '../engine.ts';
import { characterTokenizer, END_TOKEN } from '../text/character-tokenizer.ts';
import type { DecoderConfig } from './decoder/config.ts';
import { initialWeights } from './decoder/parameters.ts';
import type { OnnxEngine } from './engine.ts';
import type { OnnxModel } from './model.ts';

/** Shape of the decoder to train. */
export interface ModelShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  /** Maximum length of context plus message, tokens. */
  readonly maxPositions: number;
}

/** One demonstration: a prompt and the messages that the model should produce. */
export interface TextExample {
  readonly prompt: string;
  readonly messages: readonly string[];
  /**
   * Replies of an environment, one after each message. They are user messages of the context, and never part
   * of the loss.
   */
  readonly replies?: readonly string[];
}

/** Options of {@link pretrain}. */
export interface PretrainOptions {
  readonly shape: ModelShape;
  /** Characters that form the tokenizer's vocabulary. */
  readonly alphabet: string;
  readonly seed: number;
  readonly steps: number;
  /** Demonstrations per step. */
  readonly batchSize: number;
  /** Peak learning rate. The schedule has a linear warm-up and a cosine decay to a tenth of the peak. */
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly warmupSteps: number;
  /** Returns the demonstration with the given index, which is in 0 to steps * batchSize - 1. */
  readonly example: (index: number) => TextExample;
  readonly signal?: AbortSignal;
  readonly onStep?: (progress: PretrainProgress) => void;
}

/** Progress after a step of {@link pretrain}. */
export interface PretrainProgress {
  /** Number of finished steps. */
  readonly step: number;
  readonly steps: number;
  /** Mean negative log-probability per message token, nats. */
  readonly loss: number;
  /** Number of message tokens in the step's batch. */
  readonly tokens: number;
}

/**
 * Trains a model; the caller saves it.
 *
 * @throws EngineError if a step has no message tokens, or the loss is not finite
 */
export async function pretrain(engine: OnnxEngine, options: PretrainOptions): Promise<OnnxModel> {
  const tokenizerFiles = characterTokenizer(options.alphabet);
  const config = decoderConfig(options.shape, tokenizerFiles.vocabSize);
  const weights = initialWeights(config, randomStream(options.seed, 0));
  const model = await engine.fromCheckpoint({ config, weights, tokenizer: tokenizerFiles }, 'pretrain');
  for (let step = 0; step < options.steps; step++) {
    options.signal?.throwIfAborted();
    const sequences: Sequence[] = [];
    for (let i = 0; i < options.batchSize; i++)
      sequences.push(...toSequences(options.example(step * options.batchSize + i), model.tokenizer));
    const tokens = sequences.reduce((sum, sequence) => sum + sequence.tokens.length, 0);
    if (tokens === 0)
      throw new EngineError(`pretrain: expected demonstrations with a message, got none at step ${step + 1}`);
    const cotangents = sequences.map((sequence) =>
      new Float32Array(sequence.tokens.length).fill(-1 / tokens),
    );
    const { logp } = await model.backward(sequences, cotangents, { temperature: 1 });
    const loss = meanLoss(logp);
    if (!Number.isFinite(loss))
      throw new EngineError(`pretrain: the loss is ${loss} at step ${step + 1}; lower the learning rate`);
    await model.step(adamwAt(step, options));
    options.onStep?.({ step: step + 1, steps: options.steps, loss, tokens });
  }
  return model;
}

/**
 * Computes the loss on demonstrations. If the loss on unseen demonstrations is far above the training loss,
 * the model has memorized its training data.
 *
 * @param examples - demonstrations, at least one of which has a message
 * @returns mean negative log-probability per message token, nats
 */
export async function demonstrationLoss(
  model: Pick<OnnxModel, 'tokenizer' | 'forward'>,
  examples: readonly TextExample[],
): Promise<number> {
  const sequences = examples.flatMap((example) => toSequences(example, model.tokenizer));
  return meanLoss(await model.forward(sequences, { temperature: 1 }));
}

/** @param logp - log-probabilities of the tokens, one row per message */
function meanLoss(logp: readonly Float32Array[]): number {
  let sum = 0;
  let tokens = 0;
  for (const row of logp) {
    for (const value of row) sum -= value;
    tokens += row.length;
  }
  return sum / tokens;
}

/** Returns one sequence per message of a demonstration. Its context is the chat before the message. */
export function toSequences(example: TextExample, tokenizer: Tokenizer): Sequence[] {
  const end = tokenizer.endTokens[0] as number;
  return example.messages.map((message, turn) => ({
    context: tokenizer.encodeChat([
      { role: 'user', content: example.prompt },
      ...example.messages.slice(0, turn).flatMap((content, earlier): ChatMessage[] => {
        const reply = example.replies?.[earlier];
        const answer: ChatMessage[] = reply === undefined ? [] : [{ role: 'user', content: reply }];
        return [{ role: 'assistant', content }, ...answer];
      }),
    ]),
    tokens: Int32Array.from([...tokenizer.encode(message), end]),
  }));
}

function adamwAt(step: number, options: PretrainOptions): AdamWParams {
  const warmup = Math.min(1, (step + 1) / Math.max(1, options.warmupSteps));
  const cosine = 0.5 * (1 + Math.cos((Math.PI * step) / options.steps));
  return {
    learningRate: options.learningRate * warmup * (0.1 + 0.9 * cosine),
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
    weightDecay: options.weightDecay,
    maxGradNorm: 1,
  };
}

function decoderConfig(shape: ModelShape, vocabSize: number): DecoderConfig {
  return {
    architecture: 'Qwen3ForCausalLM',
    vocabSize,
    hiddenSize: shape.hiddenSize,
    layers: shape.layers,
    heads: shape.heads,
    kvHeads: shape.kvHeads,
    headDim: shape.headDim,
    intermediateSize: shape.intermediateSize,
    normEpsilon: 1e-6,
    ropeTheta: 10000,
    tiedEmbeddings: true,
    maxPositions: shape.maxPositions,
    endTokens: [END_TOKEN],
  };
}
