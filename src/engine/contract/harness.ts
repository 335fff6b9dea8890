/**
 * What the parts of the engine contract share: options, a model per test, messages to train on.
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import type { AdamWParams, Completion, Engine, Model, ScoreParams, Sequence } from '../engine.ts';

export interface EngineContractOptions {
  /** For the save and load round trip; must read what the model under test saves. */
  readonly engine: Engine;
  /** At least three different prompts the tokenizer can encode. */
  readonly prompts: readonly string[];
  /** Default 0.8: anything but 1, so that a forgotten temperature shows. */
  readonly temperature?: number;
  /** Longest message sampled, tokens. Default 6. */
  readonly maxTokens?: number;
  /** Allowed |difference| of log-probabilities per token, nats. Default 1e-4 (E9). */
  readonly logpTolerance?: number;
  /** Allowed |difference| of divergences per state. Default 1e-4. */
  readonly divergenceTolerance?: number;
  /** Allowed relative error of gradient norms and of accumulated sums. Default 1e-3. */
  readonly gradientTolerance?: number;
  /** Allowed relative error of the loss drop h |g|^2 (first order in h). Default 0.05. */
  readonly descentTolerance?: number;
  /** Fall of the loss aimed at in the descent tests, nats: small against curvature, large against rounding. Default 0.01. */
  readonly descentSize?: number;
  /** Learning rate of the ordinary AdamW steps. Default 0.01. */
  readonly learningRate?: number;
}

/** The options with every default in place, and the steps that tests are made of. */
export interface ContractHarness extends Required<EngineContractOptions> {
  readonly score: ScoreParams;
  /** Ordinary AdamW. */
  readonly adamw: AdamWParams;
  /** A fresh model, closed after the test. */
  fresh(): Promise<Model>;
  /** Reads a folder with the engine under test; closed after the test. */
  load(dir: string, optimizer?: boolean): Promise<Model>;
  /** Saves into a temporary folder, removed after the test. */
  saved(model: Model): Promise<string>;
  contextOf(model: Model, content: string): Int32Array;
  /** One message per prompt, drawn from streams named (key, prompt). */
  drawn(model: Model, key?: number): Promise<(Completion & Sequence)[]>;
  /** One step on the loss -scale * sum of logp; returns |g|. */
  trainOnce(model: Model, sequences: readonly Sequence[], scale?: number): Promise<number>;
  /** |g| of what `accumulate` adds up, leaving weights and optimiser as they were. */
  gradNormOf(model: Model, accumulate: () => Promise<unknown>): Promise<number>;
}

/** Registers the clean-up, so call it inside `describe`. */
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

  return {
    ...options,
    score,
    adamw,
    contextOf,
    fresh: () => closedLater(makeModel()),
    load: (dir, optimizer = false) => closedLater(options.engine.load({ dir, optimizer })),
    async saved(model) {
      const dir = await mkdtemp(path.join(tmpdir(), 'troupe-contract-'));
      folders.push(dir);
      await model.save(dir);
      return dir;
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

/** Cotangents of the loss -scale * sum of logp. */
export function raising(sequences: readonly Sequence[], scale = 1): number[][] {
  return sequences.map(({ tokens }) => Array.from(tokens, () => -scale));
}

/** An AdamW step whose epsilon drowns the second moment: plain gradient descent with rate h. */
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

/** Every one-token message after a context. */
export function everyToken(model: Model, context: Int32Array): Sequence[] {
  return Array.from({ length: model.tokenizer.vocabSize }, (_, token) => ({
    context,
    tokens: Int32Array.of(token),
  }));
}

/** Sum over all tokens of all messages. */
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
