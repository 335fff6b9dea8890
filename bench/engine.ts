/**
 * Compares the embedded engine with an upper bound of its speed. For a training step the bound is plain
 * matmuls of the same shapes in the same runtime, and for a decode step its matmuls alone. Engine and bound
 * alternate within every round and the ratio is computed per round, so that changes in the machine's speed
 * affect both.
 * @module
 */
import { randomStream } from '../src/core/rng.ts';
import type { Sequence } from '../src/engine/engine.ts';
import type { DecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { initialWeights } from '../src/engine/onnx/decoder/parameters.ts';
import { createOnnxEngine } from '../src/engine/onnx/engine.ts';
import type { Sessions } from '../src/engine/onnx/sessions.ts';
import { characterTokenizer } from '../src/engine/text/character-tokenizer.ts';
import { MatmulSet, type MatmulShape, median } from './matmuls.ts';

/** Shape of the quickstart's model (recipes/quickstart.yaml). */
const ALPHABET = '0123456789+-*/()=#;,. ';
const SHAPE = { layers: 4, hiddenSize: 128, heads: 4, kvHeads: 2, headDim: 32, intermediateSize: 384 };

const TRAIN_TOKENS = 4096;
const TRAIN_LENGTH = 32;
const DECODE_BATCH = 64;
const DECODE_CONTEXT = 12;
const DECODE_TOKENS = 48;
const ROUNDS = 15;

export interface EngineBench {
  readonly train_ratio: number;
  readonly train_gflops: number;
  readonly matmul_gflops: number;
  readonly train_tokens_per_s: number;
  readonly decode_ratio: number;
  readonly decode_step_ms: number;
  readonly decode_matmul_ms: number;
  readonly decode_tokens_per_s: number;
  readonly parameters: number;
}

export async function benchEngine(log: (line: string) => void): Promise<EngineBench> {
  const engine = createOnnxEngine({ tokenBudget: TRAIN_TOKENS, decodeBatch: DECODE_BATCH });
  const tokenizer = characterTokenizer(ALPHABET);
  const config: DecoderConfig = {
    architecture: 'Qwen3ForCausalLM',
    vocabSize: tokenizer.vocabSize,
    ...SHAPE,
    normEpsilon: 1e-6,
    ropeTheta: 10000,
    tiedEmbeddings: true,
    maxPositions: 256,
    endTokens: [0],
  };
  const weights = initialWeights(config, randomStream(1));
  const model = await engine.fromCheckpoint({ config, weights, tokenizer }, 'bench');
  const sessions = await engine.sessions(config);
  log(`model: ${model.parameterCount} parameters, ${SHAPE.layers} layers, width ${SHAPE.hiddenSize}`);

  const train = await benchTraining();
  log(
    `train: ${train.train_tokens_per_s.toFixed(0)} tokens/s, ${train.train_gflops.toFixed(1)} GFLOP/s; ` +
      `matmuls alone ${train.matmul_gflops.toFixed(1)} GFLOP/s; ratio ${train.train_ratio.toFixed(3)} (aim: at least 0.7)`,
  );
  const decode = await benchDecoding();
  log(
    `decode, batch ${DECODE_BATCH}: ${decode.decode_step_ms.toFixed(2)} ms a step, matmuls alone ` +
      `${decode.decode_matmul_ms.toFixed(2)} ms; ratio ${decode.decode_ratio.toFixed(2)} (aim: at most 4); ` +
      `${decode.decode_tokens_per_s.toFixed(0)} tokens/s`,
  );
  await engine.close();
  return { ...train, ...decode, parameters: model.parameterCount };

  async function benchTraining() {
    const stream = randomStream(2);
    const rows = TRAIN_TOKENS / TRAIN_LENGTH;
    const sequences: Sequence[] = Array.from({ length: rows }, () => ({
      context: Int32Array.from({ length: TRAIN_LENGTH / 2 }, () => stream.int(config.vocabSize)),
      tokens: Int32Array.from({ length: TRAIN_LENGTH / 2 + 1 }, () => stream.int(config.vocabSize)),
    }));
    const cotangents = sequences.map(({ tokens }) => new Float32Array(tokens.length).fill(-1e-3));
    const adamw = {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: 1,
    };
    const step = async (): Promise<void> => {
      await model.backward(sequences, cotangents, { temperature: 1 });
      await model.step(adamw);
    };
    const matmuls = await MatmulSet.open(sessions.runtime, trainingShapes(config, rows, TRAIN_LENGTH));
    const rounds = await alternate(step, () => matmuls.run());
    await matmuls.release();
    const stepMs = median(rounds.map(([a]) => a));
    return {
      train_ratio: median(rounds.map(([a, b]) => b / a)),
      train_gflops: matmuls.flops / stepMs / 1e6,
      matmul_gflops: matmuls.flops / median(rounds.map(([, b]) => b)) / 1e6,
      train_tokens_per_s: (TRAIN_TOKENS / stepMs) * 1000,
    };
  }

  async function benchDecoding() {
    const context = Int32Array.from({ length: DECODE_CONTEXT }, (_, i) => 5 + (i % 10));
    const requests = Array.from({ length: DECODE_BATCH }, (_, i) => ({
      context,
      stream: randomStream(3, i),
    }));
    // With random weights, messages end early. Without an end token the batch stays full, as in steady-state
    // serving.
    const endless = await endlessModel(sessions);
    const sample = async (): Promise<void> => {
      await endless.sample(requests, { temperature: 1, maxTokens: DECODE_TOKENS });
    };
    const matmuls = await MatmulSet.open(sessions.runtime, decodeShapes(config, DECODE_BATCH));
    const rounds = await alternate(sample, async () => {
      let ms = 0;
      for (let step = 0; step < DECODE_TOKENS; step++) ms += await matmuls.run();
      return ms;
    });
    await matmuls.release();
    const sampleMs = median(rounds.map(([a]) => a));
    return {
      decode_ratio: median(rounds.map(([a, b]) => a / b)),
      decode_step_ms: sampleMs / DECODE_TOKENS,
      decode_matmul_ms: median(rounds.map(([, b]) => b)) / DECODE_TOKENS,
      decode_tokens_per_s: ((DECODE_BATCH * DECODE_TOKENS) / sampleMs) * 1000,
    };
  }

  /**
   * Creates the same model with an end token that is never drawn, so that every step decodes the full batch.
   */
  async function endlessModel(shared: Sessions) {
    const endlessConfig = { ...shared.config, endTokens: [1_000_000] };
    return engine.fromCheckpoint({ config: endlessConfig, weights, tokenizer }, 'bench');
  }
}

/**
 * Runs both functions alternately. @returns the milliseconds of both for each round, without two warm-up
 * rounds
 */
async function alternate(
  first: () => Promise<void>,
  second: () => Promise<number>,
): Promise<(readonly [number, number])[]> {
  const rounds: (readonly [number, number])[] = [];
  for (let round = 0; round < ROUNDS + 2; round++) {
    const start = performance.now();
    await first();
    const ms = performance.now() - start;
    rounds.push([ms, await second()]);
  }
  return rounds.slice(2);
}

/**
 * Returns the matmuls of forward and backward: y = x W^T, dx = dy W and dW = dy^T x for each projection, and
 * six of attention.
 */
function trainingShapes(config: DecoderConfig, rows: number, length: number): MatmulShape[] {
  const { hiddenSize: D, heads, kvHeads, headDim: d, intermediateSize: F, layers, vocabSize: V } = config;
  const N = rows * length;
  const linear = (n: number, inner: number, out: number, count: number): MatmulShape[] => [
    { a: [n, inner], b: [out, inner], transB: true, count },
    { a: [n, out], b: [out, inner], count },
    { a: [n, out], b: [n, inner], transA: true, count },
  ];
  const grouped = (heads / kvHeads) * length;
  const batch = [rows, kvHeads];
  const states = rows * (length / 2 + 1);
  return [
    ...linear(N, D, (heads + 2 * kvHeads) * d, layers),
    ...linear(N, heads * d, D, layers),
    ...linear(N, D, 2 * F, layers),
    ...linear(N, F, D, layers),
    ...linear(states, D, V, 1),
    { a: [V, N], b: [N, D], count: 1 },
    { a: [...batch, grouped, d], b: [...batch, length, d], transB: true, count: 2 * layers },
    { a: [...batch, grouped, length], b: [...batch, length, d], count: 2 * layers },
    { a: [...batch, grouped, length], b: [...batch, grouped, d], transA: true, count: 2 * layers },
  ];
}

/** Returns the projections of one decode step. Attention over the KV cache does not count as a matmul. */
function decodeShapes(config: DecoderConfig, batch: number): MatmulShape[] {
  const { hiddenSize: D, heads, kvHeads, headDim: d, intermediateSize: F, layers, vocabSize: V } = config;
  const linear = (inner: number, out: number, count: number): MatmulShape => ({
    a: [batch, inner],
    b: [out, inner],
    transB: true,
    count,
  });
  return [
    linear(D, (heads + 2 * kvHeads) * d, layers),
    linear(heads * d, D, layers),
    linear(D, 2 * F, layers),
    linear(F, D, layers),
    linear(D, V, 1),
  ];
}
