/**
 * Writes the `config.json` of a decoder in the format of Transformers.
 * @see config.ts, which reads it
 * @module
 */
import { type DecoderConfig, familyOf, type LayerKind, layerKind } from './config.ts';
import { ropeScalingJson } from './rope-config.ts';

/** Returns the content of `config.json`, which {@link parseDecoderConfig} parses to an equal config. */
export function decoderConfigJson(config: DecoderConfig): Record<string, unknown> {
  const family = familyOf(config);
  const isGemma = family.scaledEmbeddings;
  return {
    architectures: [config.architecture],
    ...(family.keys.includes('attention_bias') ? { attention_bias: config.biases?.qkv ?? false } : {}),
    attention_dropout: 0,
    ...tokenJson(config, 'bos_token_id', config.beginToken),
    eos_token_id: config.endTokens.length === 1 ? config.endTokens[0] : config.endTokens,
    head_dim: config.headDim,
    [isGemma ? 'hidden_activation' : 'hidden_act']: family.activation,
    hidden_size: config.hiddenSize,
    initializer_range: 0.02,
    intermediate_size: config.intermediateSize,
    max_position_embeddings: config.maxPositions,
    ...(family.keys.includes('mlp_bias') ? { mlp_bias: config.biases?.mlp ?? false } : {}),
    model_type: family.modelType,
    num_attention_heads: config.heads,
    num_hidden_layers: config.layers,
    num_key_value_heads: config.kvHeads,
    ...tokenJson(config, 'pad_token_id', config.padToken),
    rms_norm_eps: config.normEpsilon,
    rope_scaling: ropeScalingJson(config.ropeScaling),
    rope_theta: config.ropeTheta,
    tie_word_embeddings: config.tiedEmbeddings,
    torch_dtype: 'float32',
    use_cache: true,
    ...(isGemma ? gemmaJson(config) : windowJson(config)),
    vocab_size: config.vocabSize,
  };
}

/**
 * Returns a token id field. A missing id is written as null if the family has a default for the field;
 * otherwise the field is omitted.
 */
function tokenJson(config: DecoderConfig, key: string, id: number | undefined): Record<string, unknown> {
  return id === undefined && !(key in familyOf(config).defaults) ? {} : { [key]: id ?? null };
}

function gemmaJson(config: DecoderConfig): Record<string, unknown> {
  return {
    query_pre_attn_scalar: config.queryScalar ?? config.headDim,
    ...(config.slidingWindow === undefined ? {} : { sliding_window: config.slidingWindow }),
    layer_types: kinds(config).map(typeName),
    final_logit_softcapping: config.logitSoftcap ?? null,
    attn_logit_softcapping: config.attentionSoftcap ?? null,
    ...(config.localRopeTheta === undefined ? {} : { rope_local_base_freq: config.localRopeTheta }),
  };
}

function windowJson(config: DecoderConfig): Record<string, unknown> {
  const { keys } = familyOf(config);
  const slides = config.slidingWindow !== undefined;
  const window = { sliding_window: config.slidingWindow ?? null };
  const positions = keys.includes('no_rope_layers')
    ? { no_rope_layers: kinds(config).map((kind) => (kind.rope === 'none' ? 0 : 1)) }
    : {};
  if (!keys.includes('use_sliding_window')) return keys.includes('sliding_window') ? window : positions;
  if (!slides) return { ...positions, use_sliding_window: false };
  return { ...positions, ...window, layer_types: kinds(config).map(typeName), use_sliding_window: true };
}

function kinds(config: DecoderConfig): readonly LayerKind[] {
  return Array.from({ length: config.layers }, (_, l) => layerKind(config, l));
}

function typeName({ sliding }: LayerKind): string {
  return sliding ? 'sliding_attention' : 'full_attention';
}
