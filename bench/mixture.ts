/**
 * Measures the cost of decoding with a mixture of two models. Samples messages from the incumbent, its
 * replacement and the mixture, alternating in one process, and compares the mixture's time with the sum of
 * the times of the two models.
 * @module
 */
import { randomStream } from '../src/core/rng.ts';
import type { Model, SampleRequest } from '../src/engine/engine.ts';
import type { DecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { initialWeights } from '../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import { characterTokenizer } from '../src/engine/text/character-tokenizer.ts';
import { MixtureModel } from '../src/swap/mixture-model.ts';
import { median } from './matmuls.ts';

/** The models of `recipes/swap`: an agent's model and a replacement of about twice its size. */
const ALPHABET = '0123456789+-*/()=#;,. ';
const SMALL = { layers: 3, hiddenSize: 96, heads: 4, kvHeads: 2, headDim: 24, intermediateSize: 256 };
const LARGE = { layers: 4, hiddenSize: 128, heads: 4, kvHeads: 2, headDim: 32, intermediateSize: 384 };

const SLOTS = 64;
const MESSAGES = 256;
const TOKENS = 24;
const CONTEXT = 12;
const ROUNDS = 9;

export interface MixtureBench {
  /** Time of the mixture divided by the sum of the times of both models, for the same number of tokens. */
  readonly mixture_ratio: number;
  readonly incumbent_ms: number;
  readonly replacement_ms: number;
  readonly mixture_ms: number;
  readonly mixture_tokens_per_s: number;
}

export async function benchMixture(log: (line: string) => void): Promise<MixtureBench> {
  const engine = createOnnxEngine({ tokenBudget: 4096, decodeBatch: SLOTS });
  const tokenizer = characterTokenizer(ALPHABET);
  const modelOf = (shape: typeof SMALL, seed: number): Promise<Model> => {
    const config: DecoderConfig = {
      architecture: 'Qwen3ForCausalLM',
      vocabSize: tokenizer.vocabSize,
      ...shape,
      normEpsilon: 1e-6,
      ropeTheta: 10000,
      tiedEmbeddings: true,
      maxPositions: 64,
      endTokens: [0],
    };
    return engine.fromCheckpoint(
      { config, weights: initialWeights(config, randomStream(seed)), tokenizer },
      'bench',
    );
  };
  const [incumbent, replacement] = [await modelOf(SMALL, 1), await modelOf(LARGE, 2)];
  const mixture = new MixtureModel({ incumbent, replacement, steps: [0.001], slots: SLOTS });
  const models = { incumbent, replacement, mixture };
  const rounds: Record<keyof typeof models, number>[] = [];
  let tokens = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const times = { incumbent: 0, replacement: 0, mixture: 0 };
    for (const [name, model] of Object.entries(models) as [keyof typeof models, Model][]) {
      const measured = await timeOf(model, round);
      // time per token, because the models' messages differ in length
      times[name] = measured.ms / measured.tokens;
      if (name === 'mixture') tokens = measured.tokens;
    }
    if (round > 0) rounds.push(times); // the first round is a warm-up
  }
  const middle = (name: keyof typeof models) => median(rounds.map((times) => times[name])) * tokens;
  const ratio = median(rounds.map((times) => times.mixture / (times.incumbent + times.replacement)));
  await engine.close();
  const result = {
    mixture_ratio: ratio,
    incumbent_ms: middle('incumbent'),
    replacement_ms: middle('replacement'),
    mixture_ms: middle('mixture'),
    mixture_tokens_per_s: (1000 * tokens) / middle('mixture'),
  };
  log(
    `mixture of ${SLOTS} messages at a time: ${result.mixture_ratio.toFixed(3)} of the sum of both models (aim: at most 1.15); ` +
      `${result.incumbent_ms.toFixed(0)} + ${result.replacement_ms.toFixed(0)} ms against ${result.mixture_ms.toFixed(0)} ms; ${result.mixture_tokens_per_s.toFixed(0)} tokens/s`,
  );
  return result;
}

async function timeOf(model: Model, round: number): Promise<{ ms: number; tokens: number }> {
  const stream = randomStream(7, round);
  const requests: SampleRequest[] = Array.from({ length: MESSAGES }, (_, m) => ({
    context: Int32Array.from({ length: CONTEXT }, () => 1 + stream.int(20)),
    stream: randomStream(8, round, m),
  }));
  const started = performance.now();
  const completions = await model.sample(requests, { temperature: 1, maxTokens: TOKENS });
  return {
    ms: performance.now() - started,
    tokens: completions.reduce((sum, completion) => sum + completion.tokens.length, 0),
  };
}
