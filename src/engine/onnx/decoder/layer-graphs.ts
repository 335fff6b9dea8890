/**
 * One layer as graphs of its own, for models too large to be one graph: a single session serves every layer
 * of a kind, no more than one layer's weights is ever wide, and what backward needs of forward is either
 * carried over or computed again (activation checkpointing), layer by layer as memory allows.
 * @see training-graph.ts for small models, where one graph is faster
 * @see Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174
 * @module
 */
import { Graph, type GraphPair, type Value } from '../graph/graph.ts';
import { Tape } from '../graph/tape.ts';
import type { DecoderConfig, LayerKind } from './config.ts';
import type { GraphVariant } from './decode-graphs.ts';
import { type BatchInputs, batchInputs, decoderLayer } from './layers.ts';
import { adapterLayerSpecs, layerSpecs, type ParameterSpec, projections } from './parameters.ts';
import { GRADIENT_PREFIX } from './training-graph.ts';
import { GraphWeights, partName } from './weight-inputs.ts';

/** Prefix of inputs that hold what a gradient is added to: `sum:` + its name. */
export const SUM_PREFIX = 'sum:';

/** A gradient that a layer's backward gives as the output `d:` + name. */
export interface LayerGradient {
  readonly name: string;
  /** The layer's parameter that it belongs to, whole or from a row on. */
  readonly role: string;
  readonly firstRow: number;
  readonly shape: readonly number[];
  /**
   * Whether it comes as the sum with the input `sum:` + name. A matrix's does: with one buffer as both input
   * and output the product itself accumulates, and no other pass over a gradient is needed.
   */
  readonly accumulated: boolean;
}

/** What is trained of a layer: the adapter where there is one, all otherwise. */
export function layerGradients(config: DecoderConfig, { adapter }: GraphVariant): readonly LayerGradient[] {
  const whole = ({ name, shape }: ParameterSpec, accumulated: boolean): LayerGradient => ({
    name,
    role: name,
    firstRow: 0,
    shape,
    accumulated,
  });
  if (adapter) return adapterLayerSpecs(config, adapter, 0).map((spec) => whole(spec, false));
  return layerSpecs(config, 0).flatMap((spec) => {
    if (spec.name !== 'gate_up') return [whole(spec, spec.shape.length === 2)];
    const { role, in: columns, parts } = projections(config).gate_up;
    let row = 0;
    return parts.map(({ target, rows }): LayerGradient => {
      const firstRow = row;
      row += rows;
      return { name: partName(role, target), role, firstRow, shape: [rows, columns], accumulated: true };
    });
  });
}

interface Layer {
  readonly graph: Graph;
  readonly tape: Tape;
  readonly x: Value;
  readonly weights: GraphWeights;
  readonly out: ReturnType<typeof decoderLayer>;
}

function emitLayer(
  config: DecoderConfig,
  variant: GraphVariant,
  { kind, gradients }: { readonly kind: LayerKind; readonly gradients: boolean },
): Layer {
  const graph = new Graph();
  const tape = new Tape(graph);
  const weights = new GraphWeights(graph, config, variant);
  const inputs: BatchInputs = batchInputs(graph, [kind], { headDim: config.headDim, gradients });
  const x = graph.input('x', ['B', 'T', config.hiddenSize]);
  const out = decoderLayer(
    {
      tape,
      config,
      kind,
      weight: (role) => weights.get(role),
      part: (role, target) => weights.part(role, target),
      adapter: variant.adapter,
    },
    x,
    inputs,
  );
  return { graph, tape, x, weights, out };
}

/** Inputs: weights by role, x [B, T, D], mask and rope tables. Outputs: x_next [B, T, D]; k, v [B, kvHeads, T, d]. */
export function buildLayerGraph(config: DecoderConfig, variant: GraphVariant, kind: LayerKind): Uint8Array {
  const { graph, out } = emitLayer(config, variant, { kind, gradients: false });
  graph.output(out.x, 'x_next');
  graph.output(out.k, 'k');
  graph.output(out.v, 'v');
  return graph.build('layer');
}

export interface LayerTraining extends GraphPair {
  /** Backward that computes the forward pass again: nothing is carried. */
  readonly recomputing: Uint8Array;
}

/**
 * Forward: as {@link buildLayerGraph}, giving x_next and what is carried. Backward: also dy [B, T, D] and the
 * sums to add to; gives dx [B, T, D] and the {@link layerGradients}.
 */
export function buildLayerTraining(
  config: DecoderConfig,
  variant: GraphVariant,
  kind: LayerKind,
): LayerTraining {
  const { graph, tape, x, weights, out } = emitLayer(config, variant, { kind, gradients: true });
  graph.output(out.x, 'x_next');
  const cut = graph.nodeCount;
  const trained = layerGradients(config, variant);
  const dy = graph.input('dy', ['B', 'T', config.hiddenSize]);
  const trainedWeights = trained.map(({ name, shape, accumulated }) => {
    const weight = weights.get(name);
    if (accumulated) tape.accumulateInto(weight, graph.input(SUM_PREFIX + name, shape));
    return weight;
  });
  const [dx, ...gradients] = tape.gradients(new Map([[out.x, dy]]), [x, ...trainedWeights]);
  graph.output(dx as Value, 'dx');
  gradients.forEach((gradient, i) => {
    graph.output(gradient, GRADIENT_PREFIX + (trained[i] as LayerGradient).name);
  });
  const backward = ['dx', ...trained.map(({ name }) => GRADIENT_PREFIX + name)];
  return {
    ...graph.buildPair('layer', { cut, dynamic: ['x'], forward: ['x_next'] }),
    recomputing: graph.buildNeeded('layer-recomputing', backward),
  };
}
