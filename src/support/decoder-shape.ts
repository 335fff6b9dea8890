/**
 * Shape of a decoder: the sizes and settings that determine what it computes. The engine parses it from a `config.json`,
 * and the writer of GGUF files describes it for llama.cpp.
 * @module
 */

/** Kind of attention and RoPE of one layer. */
export interface LayerKind {
  /** Whether attention is limited to a sliding window. */
  readonly sliding: boolean;
  /**
   * Frequencies of RoPE: `global`; `local`, which have another base and are used in sliding-window layers; or
   * no RoPE.
   */
  readonly rope: 'global' | 'local' | 'none';
}

/** Projections with a bias. */
export interface Biases {
  readonly qkv: boolean;
  readonly o: boolean;
  readonly mlp: boolean;
}

/** Scaling of the RoPE frequencies. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  /** Scales only beyond the maximum context length of the config, which this engine never exceeds. */
  | { readonly kind: 'dynamic'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Factor of cos and sin. */
      readonly attentionFactor: number;
      readonly originalPositions: number;
      /** Whether the bounds of the interpolation ramp are rounded to integers. */
      readonly truncate: boolean;
    };

export interface DecoderShape {
  /** Class in Transformers. */
  readonly architecture: string;
  readonly vocabSize: number;
  /** D, width of the residual stream. */
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** F, inner width of the MLP. */
  readonly intermediateSize: number;
  readonly normEpsilon: number;
  readonly ropeTheta: number;
  readonly tiedEmbeddings: boolean;
  readonly maxPositions: number;
  /**
   * Kind of attention and RoPE of each layer [layers]. Absent: full attention with global RoPE in all layers.
   */
  readonly layerKinds?: readonly LayerKind[];
  /** Size of the sliding window, tokens, including the token's own position. */
  readonly slidingWindow?: number;
  /** Scaling of the global RoPE frequencies. */
  readonly ropeScaling?: RopeScaling;
  /** RoPE base (theta) of sliding-window layers, if it differs from that of the other layers. */
  readonly localRopeTheta?: number;
  /** Projections with a bias. */
  readonly biases?: Biases;
  /** Attention scores are divided by sqrt(queryScalar). Default: headDim. */
  readonly queryScalar?: number;
  /** Constants c of soft-capping, c tanh(x / c), for attention scores and for logits. */
  readonly attentionSoftcap?: number;
  readonly logitSoftcap?: number;
}
