/**
 * Translates the metadata of a GGUF file into the fields of a Hugging Face `config.json`. Settings that the engine
 * cannot compute are refused before any weights are read.
 * @see architectures.ts for keys with a direct counterpart, rope-scaling.ts for scaled positions
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { MAX_LAYERS } from '../support/model-limits.ts';
import {
  GGUF_ARCHITECTURES,
  type GgufArchitecture,
  ggufArchitecture,
  KEY_PAIRS,
  SLIDING_PATTERNS,
  WIDE_GEMMA,
} from './architectures.ts';
import type { GgufContent } from './container.ts';
import { endOfGeneration } from './end-tokens.ts';
import { Metadata } from './metadata.ts';
import { ropeScaling } from './rope-scaling.ts';
import { TENSOR_TYPE_NAMES, tensorType, tensorTypeName } from './tensor-types.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Matches the name of one file of a split model. */
const SPLIT = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** Keys that change the computation in ways that no supported architecture has; they may be absent, 0 or empty. */
const REFUSED_KEYS = [
  'expert_count',
  'attention.scale',
  'attention.temperature_scale',
  'attention.max_alibi_bias',
  'attention.clamp_kqv',
  'attention.key_length_swa',
  'logit_scale',
  'residual_scale',
  'embedding_scale',
  'rope.scaling.alpha',
  'rope.scaling.yarn_log_multiplier',
];

/**
 * Returns the architecture of a file.
 *
 * @throws ConfigError if the file is a part of a split model, or its architecture or a tensor type is not supported
 */
export function architectureOf(file: Omit<GgufContent, 'read'>): GgufArchitecture {
  const metadata = new Metadata(file);
  const { path, tensors } = file;
  if (SPLIT.test(path) || (metadata.number('split.count') ?? 1) > 1)
    throw new ConfigError(
      `${path}: expected a whole model, got one file of a split model; join its files with llama-gguf-split --merge`,
      { code: 'TROUPE_GGUF' },
    );
  const name = metadata.string('general.architecture') ?? '';
  const architecture = ggufArchitecture(name);
  if (!architecture)
    throw new ConfigError(
      `${path}: architecture "${name}" is not supported; supported: ${GGUF_ARCHITECTURES.map((known) => known.name).join(', ')}`,
      { code: 'TROUPE_ARCHITECTURE' },
    );
  for (const { name: tensor, typeId } of tensors.values())
    if (!tensorType(typeId))
      throw new ConfigError(
        `${path}: tensor "${tensor}" has type ${tensorTypeName(typeId)}, which is not supported; supported: ${TENSOR_TYPE_NAMES.join(', ')}`,
        { code: 'TROUPE_GGUF_TYPE' },
      );
  return architecture;
}

/**
 * Returns the content of the `config.json` that describes the model of a GGUF file.
 *
 * @throws ConfigError if the engine cannot compute the model
 */
export function configJson(file: GgufContent): Fields {
  const architecture = architectureOf(file);
  const metadata = new Metadata(file);
  const { name } = architecture;
  refuse(metadata, name);
  const embedding = file.tensors.get('token_embd.weight');
  if (!embedding) throw missing(file.path, 'token_embd.weight');
  const read = readPairs(metadata, name);
  const sized = { ...architecture.defaults, ...read };
  const layers = Number(sized.num_hidden_layers);
  if (layers > MAX_LAYERS) throw metadata.problem(`${name}.block_count`, `at most ${MAX_LAYERS}`, layers);
  const heads = Number(sized.num_attention_heads);
  const headDim = Number(sized.head_dim ?? Number(sized.hidden_size) / heads);
  return {
    architectures: [architecture.transformers],
    model_type: architecture.modelType,
    ...sized,
    head_dim: headDim,
    vocab_size: embedding.shape[0],
    tie_word_embeddings: !file.tensors.has('output.weight'),
    rope_scaling: ropeScaling(file, metadata, { name, headDim, theta: Number(sized.rope_theta) }),
    ...biases(file, architecture),
    ...windows(metadata, architecture, sized),
    ...queryScalar(architecture, { sized, heads, headDim }),
    ...tokens(metadata),
    torch_dtype: 'float32',
  };
}

function refuse(metadata: Metadata, name: string): void {
  for (const key of REFUSED_KEYS) {
    const value = metadata.number(`${name}.${key}`) ?? 0;
    if (value !== 0)
      throw metadata.problem(`${name}.${key}`, 'no such setting, which is not supported', value);
  }
  if (metadata.flag(`${name}.attention.causal`) === false)
    throw metadata.problem(`${name}.attention.causal`, 'causal attention', false);
}

/** Reads all keys of {@link KEY_PAIRS}. @throws ConfigError if two keys give one field different values */
function readPairs(metadata: Metadata, name: string): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const { key, field, type } of KEY_PAIRS) {
    const path = `${name}.${key}`;
    if (metadata.isArray(path))
      throw metadata.problem(path, 'the same value for all layers', metadata.numbers(path)?.slice(0, 8));
    const value = metadata.number(path);
    if (value === undefined) continue;
    const shortest = type === 'float32' ? shortestDecimal(value) : value;
    if (field in fields && fields[field] !== shortest)
      throw metadata.problem(path, `${fields[field]}, as in another key for ${field}`, shortest);
    fields[field] = shortest;
  }
  return fields;
}

/** Returns the shortest decimal number that is rounded to a float32 value, as people write it: 1e-6. */
export function shortestDecimal(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

/** Projections have biases where the file has tensors for them. Qwen 2 always has them, without a field. */
function biases({ tensors }: GgufContent, { name }: GgufArchitecture): Fields {
  if (name === 'qwen2') return {};
  return {
    ...(tensors.has('blk.0.attn_q.bias') ? { attention_bias: true } : {}),
    ...(tensors.has('blk.0.ffn_up.bias') ? { mlp_bias: true } : {}),
  };
}

/** Sliding windows. llama.cpp gives them to Gemma only, to all layers except every second or sixth. */
function windows(metadata: Metadata, { name }: GgufArchitecture, sized: Fields): Fields {
  const usual = SLIDING_PATTERNS[name];
  if (usual === undefined) return { sliding_window: null };
  const layers = Number(sized.num_hidden_layers);
  const key = `${name}.attention.sliding_window_pattern`;
  const listed = metadata.isArray(key) ? metadata.flags(key) : undefined;
  const pattern = metadata.isArray(key) ? 0 : (metadata.number(key) ?? usual);
  const slides = Number(sized.sliding_window ?? 0) > 0;
  const isSliding = (l: number): boolean =>
    slides && (listed ? listed[l] === true : pattern === 0 || (l + 1) % pattern !== 0);
  const layer_types = Array.from({ length: layers }, (_, l) =>
    isSliding(l) ? 'sliding_attention' : 'full_attention',
  );
  return { layer_types, ...(slides ? {} : { sliding_window: null }) };
}

/**
 * Gemma divides attention scores by sqrt(head_dim), but by sqrt(hidden_size / heads) in its largest models. Files do
 * not state it.
 */
function queryScalar(
  { name }: GgufArchitecture,
  { sized, heads, headDim }: { readonly sized: Fields; readonly heads: number; readonly headDim: number },
): Fields {
  const layers = WIDE_GEMMA[name];
  if (layers === undefined) return {};
  const isWide = sized.num_hidden_layers === layers;
  return { query_pre_attn_scalar: isWide ? Math.floor(Number(sized.hidden_size) / heads) : headDim };
}

function tokens(metadata: Metadata): Fields {
  const begin = metadata.number('tokenizer.ggml.bos_token_id');
  const padding = metadata.number('tokenizer.ggml.padding_token_id');
  return {
    bos_token_id: begin ?? null,
    eos_token_id: [...endOfGeneration(metadata)],
    pad_token_id: padding ?? null,
  };
}

function missing(path: string, tensor: string): ConfigError {
  return new ConfigError(`${path}: the file has no tensor "${tensor}"; it contains no whole model`, {
    code: 'TROUPE_GGUF',
  });
}
