/**
 * Helpers that all tests of the engine contract use: options, one model per test, and sampled messages to
 * train on.
 * @module
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { AdamWParams, Completion, Engine, Model, ScoreParams, Sequence } from '../engine.ts';

export interface EngineContractOptions {
  /** Engine under test; it loads the folders that its models save. */
  readonly engine: Engine;
  /** At least three different prompts that the model's tokenizer can encode. */
  readonly prompts: readonly string[];
  /**
   * Temperature for sampling and scoring. Default 0.8. It must not be 1, because then the tests would not
   * detect a missing division by the temperature.
   */
  readonly temperature?: number;
  /** Maximum length of sampled messages, tokens. Default 6. */
  readonly maxTokens?: number;
  /** Maximum absolute error of a token's log-probability, nats. Default 1e-4 (E9). */
  readonly logpTolerance?: number;
  /**
   * Maximum absolute error of the divergences (KL in nats, total variation) at one token position. Default
   * 1e-4.
   */
  readonly divergenceTolerance?: number;
  /** Maximum relative error of gradient norms. Default 1e-3. */
  readonly gradientTolerance?: number;
  /**
   * Maximum relative error of the loss decrease after one plain gradient step, compared with its first-order
   * estimate h |g|^2. Default 0.05.
   */
  readonly descentTolerance?: number;
  /**
   * Loss decrease that the descent tests aim for, nats. A descent test takes one plain gradient step and
   * compares the loss decrease with its first-order estimate. The aim is small enough for a first-order
   * estimate, but large compared with rounding errors. Default 0.01.
   */
  readonly descentSize?: number;
  /** Learning rate of AdamW in all tests except the descent tests (see `descentSize`). Default 0.01. */
  readonly learningRate?: number;
}

/** The options with all defaults filled in, and helpers for the tests. */
export interface ContractHarness extends Required<EngineContractOptions> {
  readonly score: ScoreParams;
  /** AdamW hyperparameters of all tests except the descent tests, which take plain gradient steps. */
  readonly adamw: AdamWParams;
  /** Creates a model, which is closed after the test. */
  fresh(): Promise<Model>;
  /** Loads a folder with the engine under test; the model is closed after the test. */
  load(dir: string, optimizer?: boolean): Promise<Model>;
  /** Saves the model to a temporary folder that is removed after the test; returns the folder. */
  saved(model: Model): Promise<string>;
  /** Returns the bytes of the files that the model saves, by name: weights, optimizer state and the rest. */
  savedBytes(model: Model): Promise<ReadonlyMap<string, Buffer>>;
  contextOf(model: Model, content: string): Int32Array;
  /** Samples one message per prompt. Each message has the random stream (key, index of its prompt). */
  drawn(model: Model, key?: number): Promise<(Completion & Sequence)[]>;
  /**
   * Takes one AdamW step on the loss -scale * sum of logp. Returns the L2 norm of the gradient before
   * clipping.
   */
  trainOnce(model: Model, sequences: readonly Sequence[], scale?: number): Promise<number>;
  /**
   * Returns the L2 norm of the gradients that `accumulate` accumulates. Restores weights and optimizer state
   * afterwards.
   */
  gradNormOf(model: Model, accumulate: () => Promise<unknown>): Promise<number>;
}

/**
 * Creates the helpers, and registers a hook that closes models and removes folders after each test. Call it
 * inside `describe`.
 */
export function createHarness(
  makeModel: () => Promise<Model>,
  given: EngineContractOptions,
): ContractHarness {
  const options: Required<EngineContractOptions> = {
    temperature: 0.8,
    maxTokens: 6,
    logpTolerance: 1e-4,
    divergenceTolerance: 1e-4,
    gradientTolerance: 1e-3,
    descentTolerance: 0.05,
    descentSize: 0.01,
    learningRate: 0.01,
    ...given,
  };
  const { temperature, maxTokens, learningRate } = options;
  const score = { temperature };
  const adamw = { learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradNorm: 1 };
  const open: Model[] = [];
  const folders: string[] = [];

  afterEach(async () => {
    for (const model of open.splice(0)) await model.close();
    for (const dir of folders.splice(0)) await rm(dir, { recursive: true });
  });

  async function closedLater(opening: Promise<Model>): Promise<Model> {
    const model = await opening;
    open.push(model);
    return model;
  }

  function contextOf(model: Model, content: string): Int32Array {
    return model.tokenizer.encodeChat([{ role: 'user', content }]);
  }

  async function saved(model: Model): Promise<string> {
    const dir = await mkdtemp(path.join(tmpdir(), 'troupe-contract-'));
    folders.push(dir);
    await model.save(dir);
    return dir;
  }

  return {
    ...options,
    score,
    adamw,
    contextOf,
    fresh: () => closedLater(makeModel()),
    load: (dir, optimizer = false) => closedLater(options.engine.load({ dir, optimizer })),
    saved,
    async savedBytes(model) {
      const dir = await saved(model);
      const names = (await readdir(dir)).sort();
      const bytes = await Promise.all(names.map((name) => readFile(path.join(dir, name))));
      return new Map(names.map((name, i) => [name, bytes[i] as Buffer]));
    },
    async drawn(model, key = 1) {
      const requests = options.prompts.map((prompt, i) => ({
        context: contextOf(model, prompt),
        stream: randomStream(key, i),
      }));
      const completions = await model.sample(requests, { temperature, maxTokens });
      return completions.map((completion, i) => ({
        ...completion,
        context: requests[i]?.context as Int32Array, // one completion per request
      }));
    },
    async trainOnce(model, sequences, scale = 1) {
      await model.backward(sequences, raising(sequences, scale), score);
      return (await model.step(adamw)).gradNorm;
    },
    async gradNormOf(model, accumulate) {
      const id = await model.snapshot();
      await accumulate();
      const { gradNorm } = await model.step(adamw);
      await model.restore(id);
      model.release(id);
      return gradNorm;
    },
  };
}

/**
 * Returns the cotangents (derivatives with respect to logp) of the loss -scale * sum of logp. A step on this
 * loss raises logp.
 */
export function raising(sequences: readonly Sequence[], scale = 1): number[][] {
  return sequences.map(({ tokens }) => Array.from(tokens, () => -scale));
}

/**
 * Returns AdamW parameters that make a step of plain gradient descent with learning rate h: there is no
 * momentum, and epsilon is much larger than the root of the second moment.
 */
export function plainStep(h: number): AdamWParams {
  const epsilon = 1e6;
  return {
    learningRate: h * epsilon,
    beta1: 0,
    beta2: 0,
    epsilon,
    weightDecay: 0,
    maxGradNorm: Number.POSITIVE_INFINITY,
  };
}

/** Returns all one-token messages after a context, one per token of the vocabulary. */
export function everyToken(model: Model, context: Int32Array): Sequence[] {
  return Array.from({ length: model.tokenizer.vocabSize }, (_, token) => ({
    context,
    tokens: Int32Array.of(token),
  }));
}

/** Sums the values of all tokens of all messages. */
export function total(rows: readonly ArrayLike<number>[]): number {
  return sum(rows.flatMap((row) => Array.from(row)));
}

export function sum(values: readonly number[]): number {
  return values.reduce((running, x) => running + x, 0);
}

export function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(Number(actual[i]) - Number(expected[i]))).toBeLessThanOrEqual(tolerance);
}
