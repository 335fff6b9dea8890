/**
 * The decoder's layers over whole sequences, differentiable: what training, scoring and prefill share.
 * RMS norm, stacked q/k/v, norms on queries and keys, rotary positions, grouped-query attention, SwiGLU.
 * @see decode-graphs.ts for the one-token-at-a-time form
 * @module
 */
import type { Graph, Value } from '../graph.ts';
import {
  add,
  attention,
  embedding,
  linear,
  type RotaryTables,
  reshape,
  rmsNorm,
  rotary,
  scaleColumns,
  split,
  swapHeads,
  swiglu,
  unitRms,
} from '../ops.ts';
import type { Tape } from '../tape.ts';
import type { DecoderConfig } from './config.ts';
import { layerNames, parameterSpecs } from './parameters.ts';

/** Weight inputs by parameter name. */
export type WeightValues = ReadonlyMap<string, Value>;

/** Declares every weight as a graph input named like the parameter. */
export function weightInputs(graph: Graph, config: DecoderConfig): WeightValues {
  return new Map(parameterSpecs(config).map((spec) => [spec.name, graph.input(spec.name, spec.shape)]));
}

/** Inputs that depend on the batch only. */
export interface SequenceInputs {
  /** int64 [B, T] */
  readonly tokens: Value;
  /** additive causal mask, one copy per query head of a key head [g T, T] */
  readonly mask: Value;
  readonly rotary: RotaryTables;
}

/**
 * Declares the batch inputs; the inverse rotation only where `gradients` are wanted, because the runtime
 * insists on every declared input.
 */
export function sequenceInputs(graph: Graph, config: DecoderConfig, gradients: boolean): SequenceInputs {
  const half = config.headDim / 2;
  const sin = graph.input('rope_sin', ['P', half]);
  return {
    tokens: graph.input('tokens', ['B', 'T'], 'int64'),
    mask: graph.input('mask', ['GT', 'T']),
    rotary: {
      cos: graph.input('rope_cos', ['P', half]),
      sin,
      sinNegative: gradients ? graph.input('rope_sin_negative', ['P', half]) : sin,
      offset: graph.ints([0]),
    },
  };
}

export interface HiddenStates {
  /** Residual stream after the last layer, before the final norm [B, T, D]. */
  readonly hidden: Value;
  /** Rotated keys and values per layer [B, kvHeads, T, d]. */
  readonly cache: readonly { readonly k: Value; readonly v: Value }[];
}

/** Emits embedding and all layers. */
export function decoderLayers(
  tape: Tape,
  config: DecoderConfig,
  weights: WeightValues,
  inputs: SequenceInputs,
): HiddenStates {
  const { hiddenSize: D, heads, kvHeads, headDim, normEpsilon: epsilon, intermediateSize: F } = config;
  const w = (name: string): Value => weights.get(name) as Value;
  const allHeads = heads + 2 * kvHeads;
  const cache: { k: Value; v: Value }[] = [];
  const ones = tape.graph.op('Expand', [tape.graph.scalar(1), tape.graph.ints([D])]);
  let x = embedding(tape, w('embed_tokens'), inputs.tokens, config.vocabSize, D);
  for (let l = 0; l < config.layers; l++) {
    const names = layerNames(l);
    const normed = unitRms(tape, x, { ones, epsilon });
    const qkvScaled = scaleColumns(tape, w(names.qkv), w(names.inputNorm));
    const qkv = linear(tape, normed, qkvScaled, { in: D, out: allHeads * headDim });
    const perHead = reshape(tape, qkv, [0, 0, allHeads, headDim], [0, 0, allHeads * headDim]);
    const [q, k, v] = split(tape, swapHeads(tape, perHead), 1, [heads, kvHeads, kvHeads]) as [
      Value,
      Value,
      Value,
    ];
    const qRotated = rotary(
      tape,
      rmsNorm(tape, q, w(names.qNorm), { width: headDim, epsilon }),
      inputs.rotary,
    );
    const kRotated = rotary(
      tape,
      rmsNorm(tape, k, w(names.kNorm), { width: headDim, epsilon }),
      inputs.rotary,
    );
    cache.push({ k: kRotated, v });
    const mixed = attention(
      tape,
      { q: qRotated, k: kRotated, v, mask: inputs.mask },
      { heads, kvHeads, headDim },
    );
    const flat = reshape(tape, swapHeads(tape, mixed), [0, 0, heads * headDim], [0, 0, heads, headDim]);
    x = add(tape, x, linear(tape, flat, w(names.o), { in: heads * headDim, out: D }));
    const normed2 = unitRms(tape, x, { ones, epsilon });
    // the stacked weights are split, not the activations, which are many times larger
    const gateUp = scaleColumns(tape, w(names.gateUp), w(names.postNorm));
    const [gate, up] = split(tape, gateUp, 0, [F, F]) as [Value, Value];
    const half = (weight: Value): Value => linear(tape, normed2, weight, { in: D, out: F });
    x = add(tape, x, linear(tape, swiglu(tape, half(gate), half(up)), w(names.down), { in: F, out: D }));
  }
  return { hidden: x, cache };
}

/** Final norm and output projection of rows [.., D] to logits [.., V]. */
export function outputLogits(tape: Tape, config: DecoderConfig, weights: WeightValues, rows: Value): Value {
  const { hiddenSize: D, vocabSize, normEpsilon: epsilon } = config;
  const normed = rmsNorm(tape, rows, weights.get('norm') as Value, { width: D, epsilon });
  const head = weights.get(config.tiedEmbeddings ? 'embed_tokens' : 'lm_head') as Value;
  return linear(tape, normed, head, { in: D, out: vocabSize });
}
