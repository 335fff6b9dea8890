/**
 * Metadata of a decoder in GGUF files: the keys that llama.cpp reads for its architecture, and the tensor with factors
 * of the rotary frequencies. Settings that llama.cpp does not compute for the architecture are refused.
 * @see llama.cpp, conversion/base.py `set_gguf_parameters`; src/models/ for the keys that each architecture reads
 * @module
 */
import type { DecoderShape, RopeScaling } from '../support/decoder-shape.ts';
import { ConfigError } from '../support/errors.ts';
import { type GgufArchitecture, ggufArchitectureOf, SLIDING_PATTERNS, WIDE_GEMMA } from './architectures.ts';
import type { TypedValue } from './write-container.ts';

/** SmolLM3's layers without rotary positions: every fourth, which llama.cpp assumes. */
const NO_ROPE_INTERVAL = 4;

/**
 * Returns the architecture of a decoder in GGUF files.
 *
 * @param where - model folder, for messages
 * @throws ConfigError if llama.cpp does not compute this decoder
 */
export function writtenArchitecture(decoder: DecoderShape, where: string): GgufArchitecture {
  const architecture = ggufArchitectureOf(decoder.architecture);
  const refuse = (problem: string): ConfigError =>
    new ConfigError(
      `${where}: expected a model that llama.cpp computes, got ${problem}; export safetensors`,
      {
        code: 'TROUPE_GGUF',
      },
    );
  if (architecture === undefined) throw refuse(`the architecture ${decoder.architecture}`);
  const problem = unsupported(decoder, architecture.name);
  if (problem !== undefined) throw refuse(problem);
  return architecture;
}

function unsupported(decoder: DecoderShape, name: string): string | undefined {
  const { biases, queryScalar, layers, hiddenSize, heads, headDim, localRopeTheta } = decoder;
  if (biases && (name === 'qwen2' ? biases.o || biases.mlp : name !== 'llama'))
    return `${name} with biases (attention_bias, mlp_bias)`;
  const scalar = WIDE_GEMMA[name] === layers ? Math.floor(hiddenSize / heads) : headDim;
  if (queryScalar !== undefined && queryScalar !== scalar)
    return `query_pre_attn_scalar ${queryScalar} instead of ${scalar}`;
  if (name === 'gemma2' && !decoder.tiedEmbeddings) return 'gemma2 with an output matrix of its own';
  if (name === 'gemma3' && decoder.attentionSoftcap !== undefined)
    return 'gemma3 with attn_logit_softcapping';
  if (localRopeTheta !== undefined && name !== 'gemma3') return `${name} with rope_local_base_freq`;
  return unsupportedLayers(decoder, name) ?? unsupportedRope(decoder, name);
}

function unsupportedLayers({ layerKinds = [], layers }: DecoderShape, name: string): string | undefined {
  const pattern = SLIDING_PATTERNS[name];
  const kinds = Array.from({ length: layers }, (_, l) => layerKinds[l] ?? { sliding: false, rope: 'global' });
  if (pattern !== undefined) {
    const differs = kinds.some(({ sliding }, l) => sliding !== ((l + 1) % pattern !== 0));
    return differs
      ? `${name} whose layer_types do not have full attention in every layer ${pattern}`
      : undefined;
  }
  const rotated = kinds.every(
    ({ rope }, l) => (rope === 'none') === (name === 'smollm3' && (l + 1) % NO_ROPE_INTERVAL === 0),
  );
  return rotated ? undefined : `${name} with other no_rope_layers than every fourth`;
}

function unsupportedRope({ ropeScaling }: DecoderShape, name: string): string | undefined {
  if (ropeScaling?.kind === 'llama3' && name !== 'llama') return `${name} with rope_type llama3`;
  if (ropeScaling?.kind !== 'yarn') return undefined;
  if (!ropeScaling.truncate) return 'yarn without truncate';
  const usual = 0.1 * Math.log(ropeScaling.factor) + 1;
  return Math.abs(ropeScaling.attentionFactor - usual) > 1e-6
    ? `yarn with attention_factor ${ropeScaling.attentionFactor}`
    : undefined;
}

/** Returns the metadata of a decoder, after `general.*`. */
export function architectureMetadata(decoder: DecoderShape, name: string): [string, TypedValue][] {
  const uint32 = (key: string, value: number | undefined): [string, TypedValue][] =>
    value === undefined ? [] : [[`${name}.${key}`, { type: 'uint32', value }]];
  const float32 = (key: string, value: number | undefined): [string, TypedValue][] =>
    value === undefined ? [] : [[`${name}.${key}`, { type: 'float32', value }]];
  const { headDim, slidingWindow } = decoder;
  const hasWindows = SLIDING_PATTERNS[name] !== undefined;
  return [
    ...uint32('vocab_size', decoder.vocabSize),
    ...uint32('context_length', contextLength(decoder, name)),
    ...uint32('embedding_length', decoder.hiddenSize),
    ...uint32('block_count', decoder.layers),
    ...uint32('feed_forward_length', decoder.intermediateSize),
    ...uint32('attention.head_count', decoder.heads),
    ...uint32('attention.head_count_kv', decoder.kvHeads),
    ...uint32('attention.key_length', headDim),
    ...uint32('attention.value_length', headDim),
    ...uint32('rope.dimension_count', headDim),
    ...float32('attention.layer_norm_rms_epsilon', decoder.normEpsilon),
    ...float32('rope.freq_base', decoder.ropeTheta),
    ...float32('rope.freq_base_swa', decoder.localRopeTheta),
    ...(hasWindows ? uint32('attention.sliding_window', slidingWindow) : []),
    ...float32('attn_logit_softcapping', decoder.attentionSoftcap),
    ...float32('final_logit_softcapping', decoder.logitSoftcap),
    ...ropeMetadata(decoder.ropeScaling, name),
  ];
}

/**
 * Maximum length of a context, tokens. llama.cpp has no sliding windows for this architecture if it is not Gemma; within
 * one window they make no difference, so that the context is limited to it.
 */
function contextLength({ maxPositions, slidingWindow }: DecoderShape, name: string): number {
  return SLIDING_PATTERNS[name] !== undefined || slidingWindow === undefined
    ? maxPositions
    : Math.min(maxPositions, slidingWindow);
}

function ropeMetadata(scaling: RopeScaling | undefined, name: string): [string, TypedValue][] {
  // llama3 is a tensor of factors; dynamic scales only beyond the maximum context length
  if (scaling === undefined || scaling.kind === 'llama3' || scaling.kind === 'dynamic') return [];
  const key = (suffix: string): string => `${name}.rope.scaling.${suffix}`;
  const factor: [string, TypedValue][] = [
    [key('type'), { type: 'string', value: scaling.kind }],
    [key('factor'), { type: 'float32', value: scaling.factor }],
  ];
  if (scaling.kind === 'linear') return factor;
  return [
    ...factor,
    [key('original_context_length'), { type: 'uint32', value: scaling.originalPositions }],
    [key('yarn_beta_fast'), { type: 'float32', value: scaling.betaFast }],
    [key('yarn_beta_slow'), { type: 'float32', value: scaling.betaSlow }],
  ];
}

/**
 * Returns Llama 3's factors of the rotary frequencies [headDim / 2], which llama.cpp reads from a tensor; undefined for
 * other scalings.
 */
export function ropeFactors({ ropeScaling, ropeTheta, headDim }: DecoderShape): Float32Array | undefined {
  if (ropeScaling?.kind !== 'llama3') return undefined;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = ropeScaling;
  return Float32Array.from({ length: headDim / 2 }, (_, j) => {
    const wavelength = 2 * Math.PI * ropeTheta ** ((2 * j) / headDim);
    if (wavelength < originalPositions / high) return 1;
    if (wavelength > originalPositions / low) return factor;
    const smooth = (originalPositions / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
