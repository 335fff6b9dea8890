/**
 * The model shapes that models.ts measures, and a function that writes random models of these shapes: in
 * bfloat16 like published models, with one tensor in memory at a time.
 * @module
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomStream } from '../src/core/rng.ts';
import { type DecoderConfig, parseDecoderConfig } from '../src/engine/onnx/decoder/config.ts';
import { parameterSpecs } from '../src/engine/onnx/decoder/parameters.ts';
import { characterTokenizer } from '../src/engine/text/character-tokenizer.ts';
import { toBfloat16 } from '../src/support/float16.ts';

/** The work for which each engine is timed: the embedded engine and PyTorch. */
export interface Workload {
  /** Number of sequences of a training step, and their context and message lengths in tokens. */
  readonly batch: number;
  readonly context: number;
  readonly message: number;
  /** Number of messages decoded together, and tokens per message. */
  readonly decodeBatch: number;
  readonly decodeTokens: number;
  /** Number of timed repetitions; the median is reported. */
  readonly rounds: number;
}

/** Results of one side. */
export interface ModelMeasurement {
  readonly load_s: number;
  /** Peak resident memory of the process, GiB. */
  readonly peak_gib: number;
  /** Sampled tokens per second in batched sampling, including prefill time. */
  readonly decode_tokens_per_s: number;
  /** Tokens of contexts and messages per second in forward and backward passes. */
  readonly train_tokens_per_s: number;
  /** Time of one optimizer step, seconds. */
  readonly step_s: number;
}

const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  rms_norm_eps: 1e-5,
  rope_theta: 1e5,
};

/**
 * The `config.json` of each shape, as published except for the end token, which is that of the character
 * tokenizer.
 */
export const SHAPES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  /** A tiny model for tests of the benchmarks. */
  'tiny-4m': {
    ...LLAMA,
    hidden_size: 256,
    intermediate_size: 768,
    num_attention_heads: 4,
    num_hidden_layers: 4,
    num_key_value_heads: 2,
    vocab_size: 1024,
  },
  'smollm2-135m': {
    ...LLAMA,
    hidden_size: 576,
    intermediate_size: 1536,
    num_attention_heads: 9,
    num_hidden_layers: 30,
    num_key_value_heads: 3,
    vocab_size: 49152,
  },
  'smollm2-360m': {
    ...LLAMA,
    hidden_size: 960,
    intermediate_size: 2560,
    num_attention_heads: 15,
    num_hidden_layers: 32,
    num_key_value_heads: 5,
    vocab_size: 49152,
  },
  'qwen3-0.6b': {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    head_dim: 128,
    hidden_size: 1024,
    intermediate_size: 3072,
    num_attention_heads: 16,
    num_hidden_layers: 28,
    num_key_value_heads: 8,
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    vocab_size: 151936,
  },
};

/**
 * Returns an alphabet of `count` letters: 'a' to 'h', of which prompts consist, then code points from U+20008
 * on.
 */
function letters(count: number): string {
  return Array.from({ length: count }, (_, index) =>
    String.fromCodePoint(index < 8 ? 0x61 + index : 0x20000 + index),
  ).join('');
}

/**
 * Writes a model folder with random weights.
 *
 * @param name - key of {@link SHAPES}
 * @param options.letterPerToken - whether every token id is a letter, for tasks that grade the text; by
 *   default most ids have no text
 */
export function writeRandomModel(
  dir: string,
  name: string,
  { letterPerToken = false }: { readonly letterPerToken?: boolean } = {},
): void {
  const json = {
    ...SHAPES[name],
    attention_bias: false,
    eos_token_id: 0,
    bos_token_id: 1,
    hidden_act: 'silu',
    max_position_embeddings: 2048,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
  };
  mkdirSync(dir, { recursive: true });
  const { vocabSize } = characterTokenizer('');
  const alphabet = letters(letterPerToken ? Number(SHAPES[name]?.vocab_size) - vocabSize : 8);
  for (const [file, bytes] of characterTokenizer(alphabet).files) writeFileSync(join(dir, file), bytes);
  writeWeights(join(dir, 'model.safetensors'), parseDecoderConfig(json, name));
  writeFileSync(join(dir, 'config.json'), JSON.stringify(json));
}

function writeWeights(path: string, config: DecoderConfig): void {
  const tensors = parameterSpecs(config).flatMap(({ shape, parts }) =>
    parts.map(({ name, rows }) => ({ name, shape: [rows, ...shape.slice(1)] })),
  );
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const { name, shape } of tensors) {
    const bytes = 2 * shape.reduce((product, n) => product * n, 1);
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(text.length), true);
  const fd = openSync(path, 'w');
  try {
    for (const bytes of [length, text]) writeSync(fd, bytes);
    tensors.forEach(({ shape }, index) => {
      writeSync(fd, new Uint8Array(toBfloat16(randomValues(shape, index)).buffer));
    });
  } finally {
    closeSync(fd);
  }
}

/**
 * Returns the values of a parameter: 1 for norms; for matrices a repeated short sequence of normal values
 * with standard deviation 0.02.
 */
function randomValues(shape: readonly number[], index: number): Float32Array {
  const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
  if (shape.length === 1) return values.fill(1);
  const stream = randomStream(1, index);
  const drawn = Float32Array.from({ length: Math.min(values.length, 4099) }, () => 0.02 * stream.normal());
  for (let from = 0; from < values.length; from += drawn.length)
    values.set(drawn.subarray(0, Math.min(drawn.length, values.length - from)), from);
  return values;
}
