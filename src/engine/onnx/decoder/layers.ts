/**
 * The differentiable decoder over whole sequences, used by training, scoring and prefill: embedding, RMS
 * norms, stacked q/k/v projection, RoPE, grouped-query attention and gated MLP. The model family and the
 * config select optional parts.
 * @see families.ts for the differences between families, decode-graphs.ts for decoding one token at a time
 * @module
 */
import type { Graph, Value } from '../graph/graph.ts';
import {
  add,
  addBias,
  attention,
  concat,
  embedding,
  geglu,
  linear,
  linearFewRows,
  type RotaryTables,
  reshape,
  rmsNorm,
  rmsNormUnscaled,
  rotary,
  scale,
  scaleColumns,
  shift,
  split,
  swiglu,
  transposeHeads,
} from '../graph/ops.ts';
import type { Tape } from '../graph/tape.ts';
import { type AdapterShape, adapterScale, type Target } from './adapter.ts';
import { type DecoderConfig, familyOf, type LayerKind, layerKind } from './config.ts';
import { layerParameter, type Projection, parameterSpecs, projections } from './parameters.ts';
import { upcast } from './weight-inputs.ts';

/** Weight inputs of a graph by parameter name. */
export type WeightValues = ReadonlyMap<string, Value>;

/** Declares every weight as a graph input named like the parameter. */
export function weightInputs(graph: Graph, config: DecoderConfig): WeightValues {
  return new Map(parameterSpecs(config).map((spec) => [spec.name, graph.input(spec.name, spec.shape)]));
}

/** Graph inputs that depend only on the batch. Inputs that no layer uses are absent. */
export interface BatchInputs {
  /** Additive masks, one copy per query head of a key head [1 or B, 1, g T, T]. */
  readonly mask?: Value;
  readonly windowMask?: Value;
  readonly rotary: Readonly<Partial<Record<'global' | 'local', RotaryTables>>>;
}

/**
 * Declares the batch inputs of layers. The table of the inverse rotation is declared only with `gradients`,
 * because ONNX Runtime requires a value for every declared input.
 */
export function batchInputs(
  graph: Graph,
  kinds: readonly LayerKind[],
  options: { readonly headDim: number; readonly gradients: boolean },
): BatchInputs {
  const half = options.headDim / 2;
  const uses = (rope: LayerKind['rope']): boolean => kinds.some((kind) => kind.rope === rope);
  const rotates = uses('global') || uses('local');
  const positions = rotates ? graph.input('positions', ['B', 'T'], 'int64') : undefined;
  const tables = (prefix: 'rope' | 'local'): RotaryTables => {
    const sin = graph.input(`${prefix}_sin`, ['P', half]);
    return {
      cos: graph.input(`${prefix}_cos`, ['P', half]),
      sin,
      sinNegative: options.gradients ? graph.input(`${prefix}_sin_negative`, ['P', half]) : sin,
      positions: positions as Value,
    };
  };
  const mask = (name: string): Value => graph.input(name, ['MB', 1, 'GT', 'T']);
  return {
    ...(kinds.some(({ sliding }) => !sliding) ? { mask: mask('mask') } : {}),
    ...(kinds.some(({ sliding }) => sliding) ? { windowMask: mask('window_mask') } : {}),
    rotary: {
      ...(uses('global') ? { global: tables('rope') } : {}),
      ...(uses('local') ? { local: tables('local') } : {}),
    },
  };
}

/** Kinds of all layers. */
export function layerKinds(config: DecoderConfig): readonly LayerKind[] {
  return Array.from({ length: config.layers }, (_, l) => layerKind(config, l));
}

/** Arguments that the functions for the parts of a layer share. */
export interface LayerParts {
  readonly tape: Tape;
  readonly config: DecoderConfig;
  readonly kind: LayerKind;
  /** Returns the layer's weight with the given role. */
  readonly weight: (role: string) => Value;
  /**
   * Returns one matrix of a stacked projection. Absent if the graph takes the stacked matrix as a single
   * input.
   */
  readonly part?: (role: Projection['role'], target: Target) => Value;
  /**
   * A vector of ones [D]. If it is present, norm weights scale the columns of the next projection's matrix
   * instead of the activations of all tokens. This is faster if there are more tokens than matrix rows.
   */
  readonly ones?: Value;
  /**
   * Whether the graph is that of a decode step: the states are a few rows, one per message, and no gradient
   * is taken.
   */
  readonly fewRows?: boolean;
  /** Adapter of the projections, if the model has one. */
  readonly adapter?: AdapterShape | undefined;
}

export interface HiddenStates {
  /** Residual stream after the last layer, before the final norm [B, T, D]. */
  readonly hidden: Value;
  /** Keys (after RoPE) and values of each layer [B, kvHeads, T, d]. */
  readonly cache: readonly { readonly k: Value; readonly v: Value }[];
}

/** Emits the embedding and all layers. */
export function decoderLayers(
  tape: Tape,
  config: DecoderConfig,
  weights: WeightValues,
  inputs: BatchInputs & { readonly tokens: Value },
): HiddenStates {
  const { hiddenSize: D } = config;
  const cache: { k: Value; v: Value }[] = [];
  const ones = tape.graph.op('Expand', [tape.graph.scalar(1), tape.graph.ints([D])]);
  let x = embeddedTokens(tape, config, weights.get('embed_tokens') as Value, inputs.tokens);
  for (let l = 0; l < config.layers; l++) {
    const weight = (role: string): Value => weights.get(layerParameter(l, role)) as Value;
    const layer = decoderLayer({ tape, config, kind: layerKind(config, l), weight, ones }, x, inputs);
    cache.push({ k: layer.k, v: layer.v });
    x = layer.x;
  }
  return { hidden: x, cache };
}

/**
 * Returns the embedded tokens [.., D], scaled if the family requires it. A bfloat16 table is frozen and gets
 * no gradient.
 */
export function embeddedTokens(tape: Tape, config: DecoderConfig, table: Value, tokens: Value): Value {
  const { hiddenSize: D, vocabSize } = config;
  const rows =
    table.dtype === 'float32'
      ? embedding(tape, table, tokens, vocabSize, D)
      : upcast(tape.graph, tape.graph.op('Gather', [table, tokens], { attributes: { axis: 0 } }));
  // Transformers also rounds this factor to float32
  return familyOf(config).scaledEmbeddings ? scale(tape, rows, Math.fround(Math.sqrt(D))) : rows;
}

/** Emits one layer: from x [B, T, D] to x [B, T, D], with its keys and values [B, kvHeads, T, d]. */
export function decoderLayer(
  parts: LayerParts,
  x: Value,
  inputs: BatchInputs,
): { readonly x: Value; readonly k: Value; readonly v: Value } {
  const { tape, config, kind } = parts;
  const { heads, kvHeads, headDim } = config;
  const allHeads = heads + 2 * kvHeads;
  const { qkv: qkvShape, o } = projections(config);
  const normed = normedInput(parts, x, 'input_norm');
  const matrix = normed.scaled(parts.weight('qkv'));
  const stacked = linear(tape, normed.x, matrix, { in: qkvShape.in, out: allHeads * headDim });
  const qkv = withIncrements(parts, qkvShape, { x: normed.x, y: stacked });
  const perHead = reshape(tape, qkv, [0, 0, allHeads, headDim], [0, 0, allHeads * headDim]);
  const [q, k, v] = split(tape, transposeHeads(tape, perHead), 1, [heads, kvHeads, kvHeads]) as [
    Value,
    Value,
    Value,
  ];
  const qRotated = normAndRotate(parts, q, { norm: 'q_norm', inputs });
  const kRotated = normAndRotate(parts, k, { norm: 'k_norm', inputs });
  const mask = (kind.sliding ? inputs.windowMask : inputs.mask) as Value;
  const mixed = attention(tape, { q: qRotated, k: kRotated, v, mask }, attentionShape(config));
  const flat = reshape(tape, transposeHeads(tape, mixed), [0, 0, heads * headDim], [0, 0, heads, headDim]);
  const attended = projected(parts, o, flat);
  const y = add(tape, x, outNormed(parts, attended, 'attention_out_norm'));
  return { x: add(tape, y, outNormed(parts, feedForward(parts, y), 'mlp_out_norm')), k: kRotated, v };
}

/** Returns the shape and settings of a config's attention. */
export function attentionShape(config: DecoderConfig): {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly queryScalar: number | undefined;
  readonly softcap: number | undefined;
} {
  const { heads, kvHeads, headDim, queryScalar, attentionSoftcap } = config;
  return { heads, kvHeads, headDim, queryScalar, softcap: attentionSoftcap };
}

/** Norm and gated MLP. */
function feedForward(parts: LayerParts, y: Value): Value {
  const { tape, config } = parts;
  const { hiddenSize: D, intermediateSize: F } = config;
  const { gate_up, down } = projections(config);
  const normed = normedInput(parts, y, 'post_norm');
  // split the stacked weights, because the activations are many times larger
  const [gate, up] = parts.part
    ? [parts.part('gate_up', 'gate_proj'), parts.part('gate_up', 'up_proj')]
    : (split(tape, normed.scaled(parts.weight('gate_up')), 0, [F, F]) as [Value, Value]);
  const bias = gate_up.biased ? split(tape, parts.weight('gate_up_bias'), 0, [F, F]) : [];
  const added = increments(parts, gate_up, normed.x);
  const half = (weight: Value, i: number): Value => {
    let z = linear(tape, normed.x, weight, { in: D, out: F });
    if (bias[i]) z = addBias(tape, z, bias[i], F);
    return added[i] ? add(tape, z, added[i]) : z;
  };
  return projected(parts, down, gated(tape, config, half(gate, 0), half(up, 1)));
}

/** activation(gate) * up. */
export function gated(tape: Tape, config: DecoderConfig, gate: Value, up: Value): Value {
  return familyOf(config).activation === 'silu' ? swiglu(tape, gate, up) : geglu(tape, gate, up);
}

/** Returns the factors of a norm: weight, or 1 + weight for families with a norm offset. */
export function normFactors(tape: Tape, config: DecoderConfig, weight: Value): Value {
  return familyOf(config).normOffset === 1 ? shift(tape, weight, 1) : weight;
}

function normedInput(
  parts: LayerParts,
  x: Value,
  role: string,
): { readonly x: Value; readonly scaled: (matrix: Value) => Value } {
  const { tape, config, ones } = parts;
  const { hiddenSize: width, normEpsilon: epsilon } = config;
  const factors = (): Value => normFactors(tape, config, parts.weight(role));
  if (!ones) return { x: rmsNorm(tape, x, factors(), { width, epsilon }), scaled: (matrix) => matrix };
  return {
    x: rmsNormUnscaled(tape, x, { ones, epsilon }),
    scaled: (matrix) => scaleColumns(tape, matrix, factors()),
  };
}

/** Applies the norm after a block, which only families with sandwich norms have. */
function outNormed(parts: LayerParts, x: Value, role: string): Value {
  const { tape, config } = parts;
  if (!familyOf(config).sandwichNorms) return x;
  const factors = normFactors(tape, config, parts.weight(role));
  return rmsNorm(tape, x, factors, { width: config.hiddenSize, epsilon: config.normEpsilon });
}

/** Applies QK norm and RoPE to queries or keys [B, H, T, d], if the layer has them. */
function normAndRotate(
  { tape, config, kind, weight }: LayerParts,
  x: Value,
  { norm, inputs }: { readonly norm: string; readonly inputs: BatchInputs },
): Value {
  const options = { width: config.headDim, epsilon: config.normEpsilon };
  const normed = familyOf(config).qkNorm
    ? rmsNorm(tape, x, normFactors(tape, config, weight(norm)), options)
    : x;
  if (kind.rope === 'none') return normed;
  return rotary(tape, normed, inputs.rotary[kind.rope] as RotaryTables);
}

/** Minimum number of elements of a matrix for which `linearFewRows` is faster than `linear`. */
export const LARGE_MATRIX = 2 ** 17;

/** Applies a projection with its bias and adapter increments. */
export function projected(parts: LayerParts, shape: Projection, x: Value): Value {
  const out = shape.parts.reduce((sum, { rows }) => sum + rows, 0);
  const weight = parts.weight(shape.role);
  const y =
    parts.fewRows && out * shape.in >= LARGE_MATRIX
      ? linearFewRows(parts.tape.graph, x, weight)
      : linear(parts.tape, x, weight, { in: shape.in, out });
  return withIncrements(parts, shape, { x, y });
}

/** Adds a projection's bias and adapter increments to the result of its matmul. */
function withIncrements(
  parts: LayerParts,
  shape: Projection,
  product: { readonly x: Value; readonly y: Value },
): Value {
  const { tape } = parts;
  const sizes = shape.parts.map(({ rows }) => rows);
  const out = sizes.reduce((sum, rows) => sum + rows, 0);
  const y = shape.biased ? addBias(tape, product.y, parts.weight(`${shape.role}_bias`), out) : product.y;
  const added = increments(parts, shape, product.x);
  if (added.every((part) => part === undefined)) return y;
  const whole = added.filter((part) => part !== undefined);
  if (whole.length === added.length)
    return add(tape, y, whole.length === 1 ? (whole[0] as Value) : concat(tape, whole, { axis: -1, sizes }));
  const split0 = split(tape, y, -1, sizes);
  const sums = split0.map((part, i) => (added[i] ? add(tape, part, added[i]) : part));
  return concat(tape, sums, { axis: -1, sizes });
}

/**
 * Emits the adapter increment scale * B A x of each part of a projection; undefined for parts without an
 * adapter.
 */
function increments(parts: LayerParts, shape: Projection, x: Value): readonly (Value | undefined)[] {
  const { tape, adapter } = parts;
  const adapted = shape.parts.filter(({ target }) => adapter?.targets.includes(target));
  if (!adapter || adapted.length === 0) return shape.parts.map(() => undefined);
  const { rank } = adapter;
  const low = linear(tape, x, parts.weight(`${shape.role}.lora_a`), {
    in: shape.in,
    out: adapted.length * rank,
  });
  const scaled = scale(tape, low, adapterScale(adapter));
  const each = <T>(values: readonly T[], whole: T): readonly T[] => (adapted.length === 1 ? [whole] : values);
  const ranks = adapted.map(() => rank);
  const rows = adapted.map((part) => part.rows);
  const b = parts.weight(`${shape.role}.lora_b`);
  const lows = each(adapted.length === 1 ? [] : split(tape, scaled, -1, ranks), scaled);
  const ups = each(adapted.length === 1 ? [] : split(tape, b, 0, rows), b);
  const results = lows.map((value, i) =>
    linear(tape, value, ups[i] as Value, { in: rank, out: rows[i] as number }),
  );
  return shape.parts.map((part) => results[adapted.indexOf(part)]);
}
